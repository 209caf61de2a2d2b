// A private key in a token: what names it, its public half, and where the token has it (found
// once).
#pragma once

#include <openssl/evp.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "token/mechanism.h"
#include "token/module.h"

namespace tlspool::token {

class Token;

class TokenKey {
 public:
  struct Name {
    std::optional<Bytes> id;           // CKA_ID
    std::optional<std::string> label;  // CKA_LABEL
  };

  /// Takes over `publicKey`.
  TokenKey(std::shared_ptr<Token> token, Name name, EVP_PKEY* publicKey, KeyType type);
  ~TokenKey();
  TokenKey(const TokenKey&) = delete;
  TokenKey& operator=(const TokenKey&) = delete;

  Token& token() const { return *token_; }
  KeyType type() const { return type_; }
  EVP_PKEY* publicKey() const { return publicKey_; }
  int bits() const { return bits_; }
  size_t signatureSize() const { return signatureSize_; }

  /// Where the key is and what it asks for.
  struct Object {
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
    /// Each signature needs a log-in of its own (CKA_ALWAYS_AUTHENTICATE).
    bool alwaysAuthenticate = false;
    /// CKA_ALLOWED_MECHANISMS; empty is no restriction.
    std::vector<CK_MECHANISM_TYPE> allowed;
  };

  /// The key's object as known for that epoch of the token or a later one; searched for if need be,
  /// by one thread for all. kKeyNotFound and kKeyAmbiguous stand for a second before the next
  /// search: searches are slow in tokens with many objects.
  CK_RV find(Module::Pass& module, CK_SESSION_HANDLE session, uint64_t epoch, Object* object);
  /// Whether the key was found before: if so, that it is not there now may be the token's fault.
  bool wasFound();
  /// It is not: the key was deleted.
  void forget();

 private:
  CK_RV search(Module::Pass& module, CK_SESSION_HANDLE session, Object* object) const;
  bool sameModulus(Module::Pass& module, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object) const;

  const std::shared_ptr<Token> token_;
  const Name name_;
  EVP_PKEY* const publicKey_;
  const KeyType type_;
  const int bits_;
  const size_t signatureSize_;

  std::mutex mutex_;  // also held during the search
  uint64_t epoch_ = 0;
  bool found_ = false;
  Object object_;
  CK_RV missing_ = CKR_OK;
  uint64_t missingEpoch_ = 0;
  Clock::time_point searchAgain_{};
};

}  // namespace tlspool::token
