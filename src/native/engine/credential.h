// What we can show to a peer: a certificate chain, and its key in a token.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/client-hello.h"
#include "engine/openssl-pointers.h"
#include "node/values.h"
#include "token/key.h"

namespace tlspool::engine {

using CredentialHandle = uint32_t;

class Credential {
 public:
  enum class Kind { kRsa, kP256, kP384, kEd25519 };

  /// Null with a reason if the certificates do not parse, the key is unknown or of a kind that TLS
  /// has no use for, or it does not match the leaf. `chain` is DER, leaf first.
  static std::shared_ptr<const Credential> create(CredentialHandle handle,
                                                  const std::vector<node::Bytes>& chain,
                                                  token::KeyHandle key, std::string* reason);

  CredentialHandle handle() const { return handle_; }
  Kind kind() const { return kind_; }

  /// Whether a client that said hello so can use it: signature schemes, and for TLS 1.2 also cipher
  /// suites and curves (RFC 8446 section 4.2.3, RFC 8422 section 5.1).
  bool suits(const ClientHello& hello) const;
  /// Whether a server that asks for a certificate with these signature schemes can use it.
  bool suits(const std::vector<uint16_t>& schemes, bool tls13) const;

  /// Makes it the one that the connection shows.
  bool use(SSL* ssl) const;

  /// The OCSP response (DER) about it that clients get from now on; empty: none.
  void keepStaple(node::Bytes response) const;
  /// Adds it to the connection. False if there is none.
  bool staple(SSL* ssl) const;

 private:
  Credential() = default;

  CredentialHandle handle_ = 0;
  Kind kind_ = Kind::kRsa;
  CertificatePointer leaf_;
  ChainPointer issuers_;
  KeyPointer key_;
  /// All that changes, and on its own: who uses a credential sees one response or the next.
  mutable std::mutex stapleLock_;
  mutable node::Bytes staple_;
};

}  // namespace tlspool::engine
