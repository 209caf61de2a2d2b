// The provider's keys: made from a token's key or from public parts, compared and described by the
// public half, which lives in the provider `default`.
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/params.h>

#include <cstring>

#include "token/key.h"
#include "token/provider.h"
#include "token/token-key.h"

namespace tlspool::token {

namespace {

/// The parameter that carries a token's key into an EVP_PKEY: a pointer to its shared_ptr.
constexpr const char* kReference = "tlspool-key";

template <KeyType type>
void* newKey(void*) {
  return new ProviderKey{type, nullptr};
}

void freeKey(void* key) { ProviderKey::release(static_cast<ProviderKey*>(key)); }

int has(const void* data, int selection) {
  const auto* key = static_cast<const ProviderKey*>(data);
  if (!key || !key->publicKey) return (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) == 0;
  return key->key || !(selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY);
}

int match(const void* left, const void* right, int selection) {
  const EVP_PKEY* a = static_cast<const ProviderKey*>(left)->publicKey;
  const EVP_PKEY* b = static_cast<const ProviderKey*>(right)->publicKey;
  if (!a || !b) return 0;
  if (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) return EVP_PKEY_eq(a, b) == 1;
  return EVP_PKEY_parameters_eq(a, b) == 1;
}

int importReference(ProviderKey* key, const OSSL_PARAM* reference) {
  const void* data = nullptr;
  size_t size = 0;
  if (!OSSL_PARAM_get_octet_string_ptr(reference, &data, &size) || size != sizeof(void*)) return 0;
  const std::shared_ptr<TokenKey>* held;
  memcpy(&held, data, sizeof held);
  const bool sameKind = pkcs11KeyType((*held)->type()) == pkcs11KeyType(key->type);
  if (!sameKind || !EVP_PKEY_up_ref((*held)->publicKey())) return 0;
  key->type = (*held)->type();
  key->key = *held;
  key->publicKey = (*held)->publicKey();
  return 1;
}

template <KeyType type>
int import(void* data, int selection, const OSSL_PARAM parameters[]) {
  auto* key = static_cast<ProviderKey*>(data);
  if (const OSSL_PARAM* reference = OSSL_PARAM_locate_const(parameters, kReference)) {
    return importReference(key, reference);
  }
  // A private key of software has no business here.
  if (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) return 0;
  EVP_PKEY_CTX* context =
      EVP_PKEY_CTX_new_from_name(libraryContext(), algorithmName(type), "provider=default");
  const int ok = context && EVP_PKEY_fromdata_init(context) > 0 &&
                 EVP_PKEY_fromdata(context, &key->publicKey, EVP_PKEY_PUBLIC_KEY,
                                   const_cast<OSSL_PARAM*>(parameters)) > 0;
  EVP_PKEY_CTX_free(context);
  return ok;
}

int exportKey(void* data, int selection, OSSL_CALLBACK* callback, void* argument) {
  const auto* key = static_cast<const ProviderKey*>(data);
  if (!key->publicKey || (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY)) return 0;
  return EVP_PKEY_export(key->publicKey, EVP_PKEY_PUBLIC_KEY, callback, argument);
}

/// For imports that carry a token's key, and for public keys, the union of what the three kinds
/// have.
constexpr OSSL_PARAM kTransferable[] = {
    OSSL_PARAM_octet_string(kReference, nullptr, 0),
    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, nullptr, 0),
    OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, nullptr, 0),
    OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, nullptr, 0),
    OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, nullptr, 0),
    OSSL_PARAM_END,
};

const OSSL_PARAM* importTypes(int) { return kTransferable; }

const OSSL_PARAM* exportTypes(int selection) {
  return selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY ? nullptr : kTransferable + 1;
}

int getParameters(void* data, OSSL_PARAM parameters[]) {
  const auto* key = static_cast<const ProviderKey*>(data);
  return key->publicKey && EVP_PKEY_get_params(key->publicKey, parameters);
}

constexpr OSSL_PARAM kGettable[] = {
    OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, nullptr),
    OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, nullptr),
    OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, nullptr),
    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, nullptr, 0),
    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, nullptr, 0),
    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, nullptr, 0),
    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, nullptr, 0),
    OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, nullptr, 0),
    OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, nullptr, 0),
    OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, nullptr, 0),
    OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, nullptr, 0),
    OSSL_PARAM_END,
};

const OSSL_PARAM* gettable(void*) { return kGettable; }

template <KeyType type>
const char* operationName(int) {
  if (type == KeyType::rsa) return "RSA";
  return type == KeyType::ed25519 ? "ED25519" : "ECDSA";
}

}  // namespace

#define KEY_MANAGEMENT(type)                                                                   \
  {                                                                                            \
    entry(OSSL_FUNC_KEYMGMT_NEW, newKey<type>), entry(OSSL_FUNC_KEYMGMT_FREE, freeKey),        \
        entry(OSSL_FUNC_KEYMGMT_HAS, has), entry(OSSL_FUNC_KEYMGMT_MATCH, match),              \
        entry(OSSL_FUNC_KEYMGMT_IMPORT, import <type>),                                        \
        entry(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, importTypes),                                    \
        entry(OSSL_FUNC_KEYMGMT_EXPORT, exportKey),                                            \
        entry(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, exportTypes),                                    \
        entry(OSSL_FUNC_KEYMGMT_GET_PARAMS, getParameters),                                    \
        entry(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, gettable),                                    \
        entry(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, operationName<type>), OSSL_DISPATCH_END, \
  }

const OSSL_DISPATCH kRsaKeyManagement[] = KEY_MANAGEMENT(KeyType::rsa);
const OSSL_DISPATCH kEcKeyManagement[] = KEY_MANAGEMENT(KeyType::ecP256);
const OSSL_DISPATCH kEd25519KeyManagement[] = KEY_MANAGEMENT(KeyType::ed25519);

void ProviderKey::release(ProviderKey* key) {
  if (!key || --key->references > 0) return;
  EVP_PKEY_free(key->publicKey);
  delete key;
}

EVP_PKEY* makeProviderKey(const std::shared_ptr<TokenKey>& key) {
  const std::shared_ptr<TokenKey>* held = &key;
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(kReference, &held, sizeof held),
      OSSL_PARAM_construct_end(),
  };
  EVP_PKEY* result = nullptr;
  EVP_PKEY_CTX* context =
      EVP_PKEY_CTX_new_from_name(libraryContext(), algorithmName(key->type()), kProviderQuery);
  if (context && EVP_PKEY_fromdata_init(context) > 0) {
    EVP_PKEY_fromdata(context, &result, EVP_PKEY_KEYPAIR, parameters);
  }
  EVP_PKEY_CTX_free(context);
  return result;
}

}  // namespace tlspool::token
