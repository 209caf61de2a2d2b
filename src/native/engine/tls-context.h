// The TLS settings that all sessions share: one SSL_CTX per role and transport, never one per
// identity (each costs about a megabyte per certificate in daemons that do so).
#pragma once

#include <mutex>

#include "engine/client-sessions.h"
#include "engine/openssl-pointers.h"
#include "engine/session-options.h"
#include "engine/ticket-keys.h"

namespace tlspool::engine {

/// TLS 1.3, and 1.2 with ECDHE and AEAD only; no compression, no renegotiation that the peer begins,
/// no early data. Over datagrams DTLS 1.2 by the same rules, without resumption.
class TlsContext {
 public:
  /// Null with OpenSSL's error queue filled if the library refuses the settings.
  static std::unique_ptr<TlsContext> create();

  SslPointer newConnection(Role role, Transport transport);

  TicketKeys& ticketKeys() { return ticketKeys_; }
  ClientSessions& clientSessions() { return clientSessions_; }

  /// The engine's own; set once, before the first session.
  static TlsContext& instance();
  static void setInstance(TlsContext* context);

 private:
  TlsContext() = default;
  static ContextPointer make(Role role, Transport transport);

  ContextPointer server_;
  ContextPointer client_;
  /// Made when first needed.
  std::once_flag datagrams_;
  ContextPointer datagramServer_;
  ContextPointer datagramClient_;
  TicketKeys ticketKeys_;
  ClientSessions clientSessions_;
};

}  // namespace tlspool::engine
