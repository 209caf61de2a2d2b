// The TLS settings that all sessions share: one SSL_CTX per role, never one per identity (each
// costs about a megabyte per certificate in daemons that do so).
#pragma once

#include "engine/client-sessions.h"
#include "engine/openssl-pointers.h"
#include "engine/session-options.h"
#include "engine/ticket-keys.h"

namespace tlspool::engine {

/// TLS 1.3, and 1.2 with ECDHE and AEAD only; no compression, no renegotiation, no early data.
class TlsContext {
 public:
  /// Null with OpenSSL's error queue filled if the library refuses the settings.
  static std::unique_ptr<TlsContext> create();

  SslPointer newConnection(Role role);

  TicketKeys& ticketKeys() { return ticketKeys_; }
  ClientSessions& clientSessions() { return clientSessions_; }

  /// The engine's own; set once, before the first session.
  static TlsContext& instance();
  static void setInstance(TlsContext* context);

 private:
  TlsContext() = default;
  static ContextPointer make(Role role);

  ContextPointer server_;
  ContextPointer client_;
  TicketKeys ticketKeys_;
  ClientSessions clientSessions_;
};

}  // namespace tlspool::engine
