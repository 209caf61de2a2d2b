// What the brain says about a session; src/core/engine/types.ts has the meaning of each field.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/credential.h"
#include "node/values.h"
#include "socket/descriptor.h"

namespace tlspool::engine {

using SessionId = uint64_t;

/// TLS over a stream, or DTLS over UDP; the plaintext side is of the same kind.
enum class Transport : uint8_t { kStream, kDatagrams };
enum class Role : uint8_t { kServer, kClient };
enum class PeerDemand : uint8_t { kIgnore, kRequest, kRequire };

/// A digest of all that a verdict rests on; resumption never crosses it. As long as OpenSSL's
/// session id context.
using ResumptionContext = std::array<unsigned char, 32>;

struct LocalChoice {
  std::vector<std::shared_ptr<const Credential>> credentials;
  std::optional<PeerDemand> peer;
  std::optional<ResumptionContext> resumption;
};

/// The ClientHello of a DTLS client that has shown a cookie to whoever gave us its socket.
struct ShownHello {
  /// As it was read from the socket; empty: nobody has met the client yet.
  node::Bytes datagram;
  node::Bytes cookie;
};

struct SessionOptions {
  socket::Descriptor net;
  socket::Descriptor plain;
  Transport transport = Transport::kStream;
  Role role = Role::kServer;
  /// ms; 0: none.
  uint64_t handshakeTimeout = 0;
  uint64_t idleTimeout = 0;
  /// Ask the brain what to show.
  bool ask = false;
  LocalChoice local;
  std::string serverName;
  /// Protocols as RFC 7301 writes them, a length byte before each; empty: ALPN takes no part.
  node::Bytes alpn;
  PeerDemand peer = PeerDemand::kIgnore;
  std::optional<ResumptionContext> resumption;
  ShownHello hello;
};

}  // namespace tlspool::engine
