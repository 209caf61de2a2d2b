// The OSSL_PROVIDER `tlspool`, built in: EVP_PKEYs whose private operations are a token's. Private
// parts cannot be exported, since we do not have them; public ones can, so that certificates can be
// compared with keys. It offers nothing else: all that is public is done by the provider `default`.
#pragma once

#include <openssl/core.h>
#include <openssl/evp.h>

#include <atomic>
#include <memory>

#include "token/mechanism.h"

namespace tlspool::token {

class TokenKey;

/// Properties that fetch from this provider only.
constexpr const char* kProviderQuery = "provider=tlspool";

/// The provider's entry, for OSSL_PROVIDER_add_builtin.
OSSL_provider_init_fn initializeProvider;

/// A key as the provider's functions pass it around.
struct ProviderKey {
  KeyType type;
  std::shared_ptr<TokenKey> key;  // null: a public key only
  EVP_PKEY* publicKey = nullptr;  // owned
  std::atomic<int> references{1};

  static void release(ProviderKey* key);
};

/// A new EVP_PKEY of this provider; null if OpenSSL fails.
EVP_PKEY* makeProviderKey(const std::shared_ptr<TokenKey>& key);

extern const OSSL_DISPATCH kRsaKeyManagement[];
extern const OSSL_DISPATCH kEcKeyManagement[];
extern const OSSL_DISPATCH kEd25519KeyManagement[];
extern const OSSL_DISPATCH kRsaSignature[];
extern const OSSL_DISPATCH kEcdsaSignature[];
extern const OSSL_DISPATCH kEd25519Signature[];

/// How dispatch tables hold functions of all types.
template <typename F>
constexpr OSSL_DISPATCH entry(int id, F function) {
  return {id, reinterpret_cast<void (*)()>(function)};
}

}  // namespace tlspool::token
