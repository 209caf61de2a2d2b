// What a ticket of ours says about the handshake that it came from, inside its encryption. A
// stateless ticket is all that is left of a session: the brain's verdict and what it rests on
// travel in it.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <optional>
#include <string>

#include "engine/session-options.h"

namespace tlspool::engine {

struct Resumption {
  ResumptionContext context{};
  /// Whether the peer was asked for a certificate.
  bool asked = false;
  /// The peer that was validated; "": none was.
  std::string peerName;
  /// Epoch seconds until which that verdict may be used again; 0: not at all. Means nothing without
  /// a peer that showed a certificate.
  int64_t until = 0;
  /// Whether the peer showed a certificate.
  bool shown = false;

  /// Whether a session of this context, asking its peer so, may rest on this.
  bool holdsFor(const ResumptionContext& itsContext, PeerDemand demand, int64_t now) const;

  bool writeTo(SSL_SESSION* session) const;
  static std::optional<Resumption> readFrom(SSL_SESSION* session);
};

}  // namespace tlspool::engine
