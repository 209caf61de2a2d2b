#include "token/key-registry.h"

#include <openssl/x509.h>

#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "token/provider.h"
#include "token/token.h"

namespace tlspool::token {

namespace {

struct Entry {
  std::shared_ptr<TokenKey> key;
  EVP_PKEY* evp;
};

std::shared_mutex mutex;
KeyHandle last = 0;

std::unordered_map<KeyHandle, Entry>& entries() {
  static auto* only = new std::unordered_map<KeyHandle, Entry>;
  return *only;
}

}  // namespace

KeyHandle createKey(std::shared_ptr<Token> token, TokenKey::Name name, const Bytes& publicKey,
                    std::string* error) {
  const unsigned char* at = publicKey.data();
  EVP_PKEY* parsed =
      d2i_PUBKEY_ex(nullptr, &at, static_cast<long>(publicKey.size()), libraryContext(), nullptr);
  const std::optional<KeyType> type = parsed ? keyType(parsed) : std::nullopt;
  if (!type) {
    EVP_PKEY_free(parsed);
    *error = parsed ? "the key is not RSA of 2048 to 8192 bits, P-256, P-384 or Ed25519"
                    : "the public key is not a DER SubjectPublicKeyInfo";
    return 0;
  }
  auto key = std::make_shared<TokenKey>(std::move(token), std::move(name), parsed, *type);
  EVP_PKEY* evp = makeProviderKey(key);
  if (!evp) {
    *error = "OpenSSL does not take the key";
    return 0;
  }
  std::lock_guard lock(mutex);
  entries()[++last] = {std::move(key), evp};
  return last;
}

void releaseKey(KeyHandle handle) {
  std::lock_guard lock(mutex);
  const auto found = entries().find(handle);
  if (found == entries().end()) return;
  EVP_PKEY_free(found->second.evp);
  entries().erase(found);
}

std::shared_ptr<TokenKey> findKey(KeyHandle handle) {
  std::shared_lock lock(mutex);
  const auto found = entries().find(handle);
  return found == entries().end() ? nullptr : found->second.key;
}

EVP_PKEY* evpKey(KeyHandle handle) {
  std::shared_lock lock(mutex);
  const auto found = entries().find(handle);
  if (found == entries().end() || !EVP_PKEY_up_ref(found->second.evp)) return nullptr;
  return found->second.evp;
}

}  // namespace tlspool::token
