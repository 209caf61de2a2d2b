#include "token/token-key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>

#include "token/own-values.h"
#include "token/token.h"

namespace tlspool::token {

namespace {

constexpr std::chrono::seconds kSearchPause{1};

/// CKA_ALWAYS_AUTHENTICATE and CKA_ALLOWED_MECHANISMS of a key; many tokens know neither.
void readDemands(Module::Pass& module, CK_SESSION_HANDLE session, TokenKey::Object* object) {
  CK_BBOOL always = CK_FALSE;
  CK_ATTRIBUTE authenticate{CKA_ALWAYS_AUTHENTICATE, &always, sizeof always};
  if (module->C_GetAttributeValue(session, object->handle, &authenticate, 1) == CKR_OK) {
    object->alwaysAuthenticate = always == CK_TRUE;
  }

  CK_ATTRIBUTE list{CKA_ALLOWED_MECHANISMS, nullptr, 0};
  if (module->C_GetAttributeValue(session, object->handle, &list, 1) != CKR_OK ||
      list.ulValueLen == CK_UNAVAILABLE_INFORMATION) {
    return;
  }
  std::vector<CK_MECHANISM_TYPE> allowed(list.ulValueLen / sizeof(CK_MECHANISM_TYPE));
  if (allowed.empty()) return;
  list.pValue = allowed.data();
  list.ulValueLen = allowed.size() * sizeof(CK_MECHANISM_TYPE);
  if (module->C_GetAttributeValue(session, object->handle, &list, 1) == CKR_OK) {
    object->allowed = std::move(allowed);
  }
}

}  // namespace

TokenKey::TokenKey(std::shared_ptr<Token> token, Name name, EVP_PKEY* publicKey, KeyType type)
    : token_(std::move(token)),
      name_(std::move(name)),
      publicKey_(publicKey),
      type_(type),
      bits_(EVP_PKEY_get_bits(publicKey)),
      signatureSize_(static_cast<size_t>(EVP_PKEY_get_size(publicKey))) {}

TokenKey::~TokenKey() { EVP_PKEY_free(publicKey_); }

CK_RV TokenKey::find(Module::Pass& module, CK_SESSION_HANDLE session, uint64_t epoch,
                     Object* object) {
  std::lock_guard lock(mutex_);
  if (epoch_ < epoch) {
    if (missing_ != CKR_OK && missingEpoch_ == epoch && Clock::now() < searchAgain_)
      return missing_;
    Object fresh;
    const CK_RV rv = search(module, session, &fresh);
    const bool absent = rv == kKeyNotFound || rv == kKeyAmbiguous;
    missing_ = absent ? rv : CKR_OK;
    missingEpoch_ = epoch;
    if (absent) searchAgain_ = Clock::now() + kSearchPause;
    if (rv != CKR_OK) return rv;
    readDemands(module, session, &fresh);
    object_ = std::move(fresh);
    epoch_ = epoch;
    found_ = true;
  }
  *object = object_;
  return CKR_OK;
}

bool TokenKey::wasFound() {
  std::lock_guard lock(mutex_);
  return found_;
}

void TokenKey::forget() {
  std::lock_guard lock(mutex_);
  found_ = false;
}

CK_RV TokenKey::search(Module::Pass& module, CK_SESSION_HANDLE session, Object* object) const {
  CK_OBJECT_CLASS objectClass = CKO_PRIVATE_KEY;
  CK_KEY_TYPE keyType = pkcs11KeyType(type_);
  std::vector<CK_ATTRIBUTE> pattern{{CKA_CLASS, &objectClass, sizeof objectClass},
                                    {CKA_KEY_TYPE, &keyType, sizeof keyType}};
  if (name_.id) {
    pattern.push_back({CKA_ID, const_cast<unsigned char*>(name_.id->data()), name_.id->size()});
  }
  if (name_.label) {
    pattern.push_back({CKA_LABEL, const_cast<char*>(name_.label->data()), name_.label->size()});
  }

  CK_RV rv = module->C_FindObjectsInit(session, pattern.data(), pattern.size());
  if (rv != CKR_OK) return rv;
  CK_OBJECT_HANDLE handles[16];
  CK_ULONG count = 0;
  rv = module->C_FindObjects(session, handles, std::size(handles), &count);
  module->C_FindObjectsFinal(session);
  if (rv != CKR_OK) return rv;
  if (count == 0) return kKeyNotFound;
  if (count == 1) {
    object->handle = handles[0];
    return CKR_OK;
  }
  // Several of the name: an RSA key still shows its modulus.
  for (CK_ULONG i = 0; i < count && type_ == KeyType::rsa; i++) {
    if (!sameModulus(module, session, handles[i])) continue;
    object->handle = handles[i];
    return CKR_OK;
  }
  return kKeyAmbiguous;
}

bool TokenKey::sameModulus(Module::Pass& module, CK_SESSION_HANDLE session,
                           CK_OBJECT_HANDLE object) const {
  Bytes modulus(1024);
  CK_ATTRIBUTE attribute{CKA_MODULUS, modulus.data(), modulus.size()};
  if (module->C_GetAttributeValue(session, object, &attribute, 1) != CKR_OK) return false;
  BIGNUM* own = nullptr;
  if (!EVP_PKEY_get_bn_param(publicKey_, OSSL_PKEY_PARAM_RSA_N, &own)) return false;
  BIGNUM* theirs = BN_bin2bn(modulus.data(), static_cast<int>(attribute.ulValueLen), nullptr);
  const bool same = theirs && BN_cmp(own, theirs) == 0;
  BN_free(own);
  BN_free(theirs);
  return same;
}

}  // namespace tlspool::token
