// What can be asked of an established session.
#pragma once

#include <openssl/ssl.h>

#include <optional>
#include <string>
#include <vector>

#include "node/values.h"

namespace tlspool::engine::facts {

/// Keying material (RFC 5705, RFC 8446 section 7.5). No context differs from an empty one in
/// TLS 1.2.
std::optional<node::Bytes> exportKeys(SSL* ssl, const std::string& label,
                                      const std::optional<node::Bytes>& context, size_t length);

/// What we showed, and what the peer showed: DER, leaf first.
std::vector<node::Bytes> ownCertificates(SSL* ssl);
std::vector<node::Bytes> peerCertificates(SSL* ssl);

/// RFC 5929 section 3; nothing for TLS 1.3, where it is not defined (RFC 8446 appendix C.5).
std::optional<node::Bytes> tlsUnique(SSL* ssl);

/// RFC 9266; nothing for TLS 1.2 without an extended master secret, where it proves nothing.
std::optional<node::Bytes> tlsExporter(SSL* ssl);

/// RFC 5929 section 4; nothing if the certificate's signature has no single hash (Ed25519).
std::optional<node::Bytes> tlsServerEndPoint(SSL* ssl);

}  // namespace tlspool::engine::facts
