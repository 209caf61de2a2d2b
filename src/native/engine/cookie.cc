#include "engine/cookie.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "token/key.h"

namespace tlspool::engine::cookie {

namespace {

struct Secret {
  std::array<unsigned char, 32> bytes{};
  bool made = RAND_priv_bytes_ex(token::libraryContext(), bytes.data(), bytes.size(), 0) == 1;
};

const Secret& secret() {
  static const Secret only;
  return only;
}

}  // namespace

std::optional<Cookie> make(uint64_t session, const std::string& peer) {
  if (!secret().made) return std::nullopt;
  std::string bearer(reinterpret_cast<const char*>(&session), sizeof session);
  bearer += peer;
  Cookie cookie;
  size_t length = 0;
  const unsigned char* made =
      EVP_Q_mac(token::libraryContext(), "HMAC", nullptr, "SHA256", nullptr, secret().bytes.data(),
                secret().bytes.size(), reinterpret_cast<const unsigned char*>(bearer.data()),
                bearer.size(), cookie.data(), cookie.size(), &length);
  if (!made || length != cookie.size()) return std::nullopt;
  return cookie;
}

bool matches(uint64_t session, const std::string& peer, const unsigned char* cookie,
             size_t length) {
  std::optional<Cookie> expected = make(session, peer);
  return expected && length == expected->size() &&
         CRYPTO_memcmp(cookie, expected->data(), length) == 0;
}

}  // namespace tlspool::engine::cookie
