#include "token/provider.h"

#include <openssl/core_dispatch.h>
#include <openssl/provider.h>

#include "token/key.h"

namespace tlspool::token {

namespace {

constexpr OSSL_ALGORITHM kKeyManagements[] = {
    {"RSA:rsaEncryption", kProviderQuery, kRsaKeyManagement, "RSA key in a token"},
    {"EC:id-ecPublicKey", kProviderQuery, kEcKeyManagement, "EC key in a token"},
    {"ED25519", kProviderQuery, kEd25519KeyManagement, "Ed25519 key in a token"},
    {nullptr, nullptr, nullptr, nullptr},
};

constexpr OSSL_ALGORITHM kSignatures[] = {
    {"RSA:rsaEncryption", kProviderQuery, kRsaSignature, "RSA signature by a token"},
    {"ECDSA", kProviderQuery, kEcdsaSignature, "ECDSA signature by a token"},
    {"ED25519", kProviderQuery, kEd25519Signature, "Ed25519 signature by a token"},
    {nullptr, nullptr, nullptr, nullptr},
};

const OSSL_ALGORITHM* query(void*, int operation, int* noCache) {
  *noCache = 0;
  if (operation == OSSL_OP_KEYMGMT) return kKeyManagements;
  if (operation == OSSL_OP_SIGNATURE) return kSignatures;
  return nullptr;
}

const OSSL_DISPATCH kProvider[] = {
    entry(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query),
    OSSL_DISPATCH_END,
};

OSSL_LIB_CTX* makeLibraryContext() {
  OSSL_LIB_CTX* context = OSSL_LIB_CTX_new();
  // `default` by name and first: a provider that is loaded ends the automatic one, and where both
  // offer an algorithm the first is taken.
  if (context && OSSL_PROVIDER_load(context, "default") &&
      OSSL_PROVIDER_add_builtin(context, "tlspool", initializeProvider) &&
      OSSL_PROVIDER_load(context, "tlspool")) {
    return context;
  }
  OSSL_LIB_CTX_free(context);
  return nullptr;
}

}  // namespace

int initializeProvider(const OSSL_CORE_HANDLE*, const OSSL_DISPATCH*, const OSSL_DISPATCH** out,
                       void** context) {
  *out = kProvider;
  *context = nullptr;
  return 1;
}

OSSL_LIB_CTX* libraryContext() {
  static OSSL_LIB_CTX* const only = makeLibraryContext();
  return only;
}

}  // namespace tlspool::token
