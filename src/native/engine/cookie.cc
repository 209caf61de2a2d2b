#include "engine/cookie.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>

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

node::Bytes make(uint64_t session, const std::string& peer) {
  if (!secret().made) return {};
  std::string bearer(reinterpret_cast<const char*>(&session), sizeof session);
  bearer += peer;
  node::Bytes cookie(32);
  size_t length = 0;
  const unsigned char* made =
      EVP_Q_mac(token::libraryContext(), "HMAC", nullptr, "SHA256", nullptr, secret().bytes.data(),
                secret().bytes.size(), reinterpret_cast<const unsigned char*>(bearer.data()),
                bearer.size(), cookie.data(), cookie.size(), &length);
  if (!made || length != cookie.size()) return {};
  return cookie;
}

}  // namespace tlspool::engine::cookie
