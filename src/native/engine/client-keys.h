// What a TLS 1.3 client says after the ServerHello is encrypted, alerts too (RFC 8446 section 6).
// OpenSSL puts its keys off until it has sent the change_cipher_spec that middleboxes want to see
// (appendix D.4): up to then alerts leave in clear, and servers other than OpenSSL cannot make
// sense of them. So its compatibility mode ends when the ServerHello comes, and that record is sent
// from here.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>

namespace tlspool::engine {

class ClientKeys {
 public:
  /// A handshake message came, and is not acted upon yet.
  void received(SSL* ssl, const unsigned char* message, size_t length);

 private:
  /// OpenSSL sends the record itself before a second ClientHello.
  bool retried_ = false;
};

}  // namespace tlspool::engine
