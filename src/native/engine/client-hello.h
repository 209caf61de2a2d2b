// What a client offers, read from its ClientHello before anything is decided.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <string>
#include <vector>

namespace tlspool::engine {

constexpr uint16_t kGroupP256 = 23;
constexpr uint16_t kGroupP384 = 24;

struct ClientHello {
  /// Lower-cased; "" if none was sent or it is malformed.
  std::string serverName;
  /// Names of other than printable ASCII (GREASE, RFC 8701) are left out.
  std::vector<std::string> alpn;
  std::vector<uint16_t> signatureSchemes;
  std::vector<uint16_t> groups;
  /// Whether it offers TLS 1.3.
  bool tls13 = false;
  /// Whether it offers TLS 1.2 or 1.3, or DTLS 1.2.
  bool modern = false;
  /// Whether it offers suites of ours for TLS 1.2 with the kind of certificate.
  bool ecdsaSuites = false;
  bool rsaSuites = false;

  /// Only within a client hello callback.
  static ClientHello read(SSL* ssl);
};

}  // namespace tlspool::engine
