#include "engine/client-keys.h"

#include <openssl/bio.h>

#include <algorithm>
#include <array>

namespace tlspool::engine {

namespace {

/// The random of a HelloRetryRequest (RFC 8446 section 4.1.3).
constexpr std::array<unsigned char, 32> kRetry = {
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};
/// After the message's type and length, and the version.
constexpr size_t kRandomAt = 6;

constexpr std::array<unsigned char, 6> kChangeCipherSpec = {0x14, 0x03, 0x03, 0x00, 0x01, 0x01};

bool isRetryRequest(const unsigned char* message, size_t length) {
  return length >= kRandomAt + kRetry.size() &&
         std::equal(kRetry.begin(), kRetry.end(), message + kRandomAt);
}

}  // namespace

void ClientKeys::received(SSL* ssl, const unsigned char* message, size_t length) {
  if (length == 0 || SSL_is_server(ssl)) return;
  if (message[0] == SSL3_MT_SERVER_HELLO) {
    if (isRetryRequest(message, length)) {
      retried_ = true;
    } else {
      SSL_clear_options(ssl, SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
    }
  } else if (message[0] == SSL3_MT_ENCRYPTED_EXTENSIONS && !retried_) {
    // The first message that TLS 1.2 does not have; nothing was written since the ClientHello.
    BIO_write(SSL_get_wbio(ssl), kChangeCipherSpec.data(), kChangeCipherSpec.size());
  }
}

}  // namespace tlspool::engine
