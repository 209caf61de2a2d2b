// The provider's signatures: digests are made here, with the provider `default`; the token gets
// what its mechanism wants.
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/params.h>
#include <openssl/proverr.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <cstdlib>
#include <cstring>
#include <utility>

#include "token/key.h"
#include "token/provider.h"
#include "token/signing.h"
#include "token/token-key.h"

namespace tlspool::token {

namespace {

class Signature {
 public:
  Signature() = default;
  Signature(const Signature&) = delete;
  Signature& operator=(const Signature&) = delete;
  ~Signature() {
    ProviderKey::release(key_);
    EVP_MD_free(digest_);
    EVP_MD_CTX_free(running_);
  }

  /// Null if OpenSSL fails.
  static Signature* copy(const Signature& other) {
    auto result = std::make_unique<Signature>();
    result->setKey(other.key_);
    if (other.digest_ && EVP_MD_up_ref(other.digest_)) result->digest_ = other.digest_;
    result->padding_ = other.padding_;
    result->saltLength_ = other.saltLength_;
    if (other.running_ && !(result->running_ = EVP_MD_CTX_dup(other.running_))) return nullptr;
    return result.release();
  }

  bool setKey(ProviderKey* key) {
    if (!key) return key_ != nullptr;  // again with the same
    if (!key->key) return false;
    key->references++;
    ProviderKey::release(std::exchange(key_, key));
    return true;
  }

  bool setDigest(const char* name) {
    EVP_MD* fetched = EVP_MD_fetch(libraryContext(), name, "provider=default");
    if (!fetched) return false;
    EVP_MD_free(std::exchange(digest_, fetched));
    return true;
  }

  bool setParameters(const OSSL_PARAM parameters[]) {
    if (!parameters) return true;
    const auto find = [&](const char* name) { return OSSL_PARAM_locate_const(parameters, name); };
    const OSSL_PARAM* digest = find(OSSL_SIGNATURE_PARAM_DIGEST);
    if (digest && !running_ && !setDigest(static_cast<const char*>(digest->data))) return false;
    const OSSL_PARAM* padding = find(OSSL_SIGNATURE_PARAM_PAD_MODE);
    if (padding && !setPadding(padding)) return false;
    const OSSL_PARAM* salt = find(OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
    if (salt && !setSaltLength(salt)) return false;
    // MGF1 with another digest than the signature's is not in TLS.
    const OSSL_PARAM* mgf = find(OSSL_SIGNATURE_PARAM_MGF1_DIGEST);
    return !mgf || (digest_ && EVP_MD_is_a(digest_, static_cast<const char*>(mgf->data)));
  }

  bool beginDigest(const char* name) {
    const bool given = name && *name;
    if (type() == KeyType::ed25519) return !given;
    if (!setDigest(given ? name : "SHA256")) return false;
    if (!running_) running_ = EVP_MD_CTX_new();
    return running_ && EVP_DigestInit_ex2(running_, digest_, nullptr);
  }
  bool update(const unsigned char* data, size_t size) {
    return running_ && EVP_DigestUpdate(running_, data, size);
  }
  bool finishDigest(unsigned char* out, size_t* size) {
    unsigned int written = 0;
    if (!running_ || !EVP_DigestFinal_ex(running_, out, &written)) return false;
    *size = written;
    return true;
  }

  KeyType type() const { return key_->key->type(); }
  size_t size() const { return key_->key->signatureSize(); }
  int padding() const { return padding_; }

  /// `data` is a digest, but for Ed25519, where it is the message.
  bool sign(const unsigned char* data, size_t size, Bytes* out) const {
    std::optional<SigningInput> input = inputFor(data, size);
    if (!input) return false;
    Bytes raw;
    const CK_RV rv = signWithToken(key_->key, std::move(*input), &raw);
    if (rv != CKR_OK) {
      ERR_raise_data(ERR_LIB_PROV, PROV_R_FAILED_TO_SIGN, "%s", returnValueName(rv));
      return false;
    }
    const bool ecdsa = type() == KeyType::ecP256 || type() == KeyType::ecP384;
    *out = ecdsa ? derSignature(raw.data(), raw.size()) : std::move(raw);
    return !out->empty();
  }

  /// AlgorithmIdentifier (RFC 5280, section 4.1.1.2), for signing certificates and requests; none
  /// for PSS.
  bool algorithmId(OSSL_PARAM* parameter) const {
    int nid = NID_ED25519;
    if (type() != KeyType::ed25519) {
      const int keyNid = type() == KeyType::rsa ? NID_rsaEncryption : NID_X9_62_id_ecPublicKey;
      if (padding_ == RSA_PKCS1_PSS_PADDING || !digest_ ||
          !OBJ_find_sigid_by_algs(&nid, EVP_MD_get_type(digest_), keyNid)) {
        return false;
      }
    }
    X509_ALGOR* algorithm = X509_ALGOR_new();
    unsigned char* der = nullptr;
    int length = -1;
    if (algorithm &&
        X509_ALGOR_set0(algorithm, OBJ_nid2obj(nid),
                        type() == KeyType::rsa ? V_ASN1_NULL : V_ASN1_UNDEF, nullptr)) {
      length = i2d_X509_ALGOR(algorithm, &der);
    }
    X509_ALGOR_free(algorithm);
    const bool ok =
        length > 0 && OSSL_PARAM_set_octet_string(parameter, der, static_cast<size_t>(length));
    OPENSSL_free(der);
    return ok;
  }

 private:
  std::optional<SigningInput> inputFor(const unsigned char* data, size_t size) const {
    if (type() == KeyType::ed25519) return ed25519Input(data, size);
    if (type() != KeyType::rsa) return ecdsaInput(type(), data, size);
    if (!digest_) return std::nullopt;
    const int nid = EVP_MD_get_type(digest_);
    if (padding_ == RSA_PKCS1_PADDING) return pkcs1Input(nid, data, size);
    const auto digestSize = static_cast<size_t>(EVP_MD_get_size(digest_));
    const size_t most = static_cast<size_t>(key_->key->bits() - 1 + 7) / 8 - digestSize - 2;
    size_t salt = digestSize;
    if (saltLength_ == RSA_PSS_SALTLEN_MAX || saltLength_ == RSA_PSS_SALTLEN_AUTO) salt = most;
    if (saltLength_ == RSA_PSS_SALTLEN_AUTO_DIGEST_MAX) salt = std::min(digestSize, most);
    if (saltLength_ >= 0) salt = static_cast<size_t>(saltLength_);
    return pssInput(nid, data, size, salt);
  }

  bool setPadding(const OSSL_PARAM* parameter) {
    int mode = 0;
    if (parameter->data_type == OSSL_PARAM_UTF8_STRING) {
      const auto* name = static_cast<const char*>(parameter->data);
      if (!strcmp(name, OSSL_PKEY_RSA_PAD_MODE_PSS)) mode = RSA_PKCS1_PSS_PADDING;
      if (!strcmp(name, OSSL_PKEY_RSA_PAD_MODE_PKCSV15)) mode = RSA_PKCS1_PADDING;
    } else if (!OSSL_PARAM_get_int(parameter, &mode)) {
      return false;
    }
    if (mode != RSA_PKCS1_PADDING && mode != RSA_PKCS1_PSS_PADDING) return false;
    padding_ = mode;
    return true;
  }

  bool setSaltLength(const OSSL_PARAM* parameter) {
    if (parameter->data_type != OSSL_PARAM_UTF8_STRING) {
      return OSSL_PARAM_get_int(parameter, &saltLength_) &&
             saltLength_ >= RSA_PSS_SALTLEN_AUTO_DIGEST_MAX;
    }
    const auto* text = static_cast<const char*>(parameter->data);
    if (!strcmp(text, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST)) {
      saltLength_ = RSA_PSS_SALTLEN_DIGEST;
    } else if (!strcmp(text, OSSL_PKEY_RSA_PSS_SALT_LEN_MAX)) {
      saltLength_ = RSA_PSS_SALTLEN_MAX;
    } else if (!strcmp(text, OSSL_PKEY_RSA_PSS_SALT_LEN_AUTO)) {
      saltLength_ = RSA_PSS_SALTLEN_AUTO;
    } else if (!strcmp(text, OSSL_PKEY_RSA_PSS_SALT_LEN_AUTO_DIGEST_MAX)) {
      saltLength_ = RSA_PSS_SALTLEN_AUTO_DIGEST_MAX;
    } else {
      char* end = nullptr;
      const long value = strtol(text, &end, 10);
      if (end == text || *end || value < 0 || value > 1024) return false;
      saltLength_ = static_cast<int>(value);
    }
    return true;
  }

  ProviderKey* key_ = nullptr;
  EVP_MD* digest_ = nullptr;
  EVP_MD_CTX* running_ = nullptr;
  int padding_ = RSA_PKCS1_PADDING;
  int saltLength_ = RSA_PSS_SALTLEN_DIGEST;
};

Signature& of(void* context) { return *static_cast<Signature*>(context); }

void* newContext(void*, const char*) { return new Signature; }

void freeContext(void* context) { delete static_cast<Signature*>(context); }

void* copyContext(void* context) { return Signature::copy(of(context)); }

int initialize(void* context, void* key, const OSSL_PARAM parameters[]) {
  return of(context).setKey(static_cast<ProviderKey*>(key)) &&
         of(context).setParameters(parameters);
}

int initializeDigest(void* context, const char* digest, void* key, const OSSL_PARAM parameters[]) {
  return of(context).setKey(static_cast<ProviderKey*>(key)) && of(context).beginDigest(digest) &&
         of(context).setParameters(parameters);
}

/// Of a digest, or for Ed25519 of a message. Without `out` the size is asked for.
int sign(void* context, unsigned char* out, size_t* outSize, size_t room, const unsigned char* data,
         size_t size) {
  const Signature& signature = of(context);
  if (!out) {
    *outSize = signature.size();
    return 1;
  }
  Bytes made;
  if (!signature.sign(data, size, &made) || made.size() > room) return 0;
  memcpy(out, made.data(), made.size());
  *outSize = made.size();
  return 1;
}

int update(void* context, const unsigned char* data, size_t size) {
  return of(context).update(data, size);
}

int finish(void* context, unsigned char* out, size_t* outSize, size_t room) {
  if (!out) return sign(context, nullptr, outSize, 0, nullptr, 0);
  unsigned char digest[EVP_MAX_MD_SIZE];
  size_t size = 0;
  return of(context).finishDigest(digest, &size) && sign(context, out, outSize, room, digest, size);
}

int signMessage(void* context, unsigned char* out, size_t* outSize, size_t room,
                const unsigned char* message, size_t size) {
  if (!out || of(context).type() == KeyType::ed25519) {
    return sign(context, out, outSize, room, message, size);
  }
  return of(context).update(message, size) && finish(context, out, outSize, room);
}

int setParameters(void* context, const OSSL_PARAM parameters[]) {
  return of(context).setParameters(parameters);
}

constexpr OSSL_PARAM kSettable[] = {
    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, nullptr, 0),
    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, nullptr, 0),
    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, nullptr, 0),
    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, nullptr, 0),
    OSSL_PARAM_END,
};

const OSSL_PARAM* settable(void*, void*) { return kSettable; }

int getParameters(void* context, OSSL_PARAM parameters[]) {
  OSSL_PARAM* algorithm = OSSL_PARAM_locate(parameters, OSSL_SIGNATURE_PARAM_ALGORITHM_ID);
  if (algorithm && !of(context).algorithmId(algorithm)) return 0;
  OSSL_PARAM* padding = OSSL_PARAM_locate(parameters, OSSL_SIGNATURE_PARAM_PAD_MODE);
  return !padding || padding->data_type == OSSL_PARAM_UTF8_STRING ||
         OSSL_PARAM_set_int(padding, of(context).padding());
}

constexpr OSSL_PARAM kGettable[] = {
    OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, nullptr, 0),
    OSSL_PARAM_int(OSSL_SIGNATURE_PARAM_PAD_MODE, nullptr),
    OSSL_PARAM_END,
};

const OSSL_PARAM* gettable(void*, void*) { return kGettable; }

}  // namespace

#define SIGNATURE_COMMON                                                                          \
  entry(OSSL_FUNC_SIGNATURE_NEWCTX, newContext), entry(OSSL_FUNC_SIGNATURE_FREECTX, freeContext), \
      entry(OSSL_FUNC_SIGNATURE_DUPCTX, copyContext),                                             \
      entry(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, initializeDigest),                              \
      entry(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, signMessage),                                        \
      entry(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, setParameters),                                   \
      entry(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, settable),                                   \
      entry(OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, getParameters),                                   \
      entry(OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, gettable)

#define SIGNATURE_OF_DIGEST                                                      \
  {                                                                              \
    SIGNATURE_COMMON, entry(OSSL_FUNC_SIGNATURE_SIGN_INIT, initialize),          \
        entry(OSSL_FUNC_SIGNATURE_SIGN, sign),                                   \
        entry(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, update),                   \
        entry(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, finish), OSSL_DISPATCH_END, \
  }

const OSSL_DISPATCH kRsaSignature[] = SIGNATURE_OF_DIGEST;
const OSSL_DISPATCH kEcdsaSignature[] = SIGNATURE_OF_DIGEST;
const OSSL_DISPATCH kEd25519Signature[] = {SIGNATURE_COMMON, OSSL_DISPATCH_END};

}  // namespace tlspool::token
