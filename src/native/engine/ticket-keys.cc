#include "engine/ticket-keys.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>

#include "engine/counters.h"
#include "token/key.h"

namespace tlspool::engine {

namespace {

constexpr uint64_t kRotation = 60 * 60 * 1000;
constexpr size_t kKept = 3;

bool fillRandom(unsigned char* data, size_t length) {
  return RAND_priv_bytes_ex(token::libraryContext(), data, length, 0) == 1;
}

}  // namespace

TicketKeys::Key::~Key() {
  OPENSSL_cleanse(encryption.data(), encryption.size());
  OPENSSL_cleanse(authentication.data(), authentication.size());
}

TicketKeys::TicketKeys()
    : cipher_(EVP_CIPHER_fetch(token::libraryContext(), "AES-256-CBC", nullptr)) {}

const TicketKeys::Key* TicketKeys::newest() {
  uint64_t now = monotonicTime();
  if (!keys_.empty() && now - keys_.front().made < kRotation) return &keys_.front();
  Key& key = keys_.emplace_front();
  key.made = now;
  if (!fillRandom(key.name.data(), key.name.size()) ||
      !fillRandom(key.encryption.data(), key.encryption.size()) ||
      !fillRandom(key.authentication.data(), key.authentication.size())) {
    keys_.pop_front();
    return nullptr;
  }
  if (keys_.size() > kKept) keys_.pop_back();
  return &key;
}

int TicketKeys::prepare(unsigned char name[16], unsigned char* iv, EVP_CIPHER_CTX* cipher,
                        EVP_MAC_CTX* mac, bool encrypting) {
  constexpr int kFailed = -1;
  constexpr int kUnknown = 0;
  constexpr int kReady = 1;
  std::lock_guard lock(mutex_);
  const Key* key = newest();
  if (!key) return kFailed;
  if (encrypting) {
    if (!fillRandom(iv, 16)) return kFailed;
    memcpy(name, key->name.data(), key->name.size());
  } else {
    auto found = std::find_if(keys_.begin(), keys_.end(), [&](const Key& each) {
      return memcmp(each.name.data(), name, each.name.size()) == 0;
    });
    // A ticket lives for two hours (tls-context.cc), a key is kept for at least that long.
    if (found == keys_.end()) return kUnknown;
    key = &*found;
  }
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY,
                                        const_cast<unsigned char*>(key->authentication.data()),
                                        key->authentication.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>("SHA256"), 0),
      OSSL_PARAM_construct_end()};
  if (EVP_MAC_CTX_set_params(mac, parameters) != 1) return kFailed;
  if (EVP_CipherInit_ex2(cipher, cipher_.get(), key->encryption.data(), iv, encrypting, nullptr) !=
      1) {
    return kFailed;
  }
  return kReady;
}

void TicketKeys::forget() {
  std::lock_guard lock(mutex_);
  keys_.clear();
}

}  // namespace tlspool::engine
