#include "token/mechanism.h"

#include <openssl/obj_mac.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "token/key.h"

namespace tlspool::token {

namespace {

struct Digest {
  int nid;
  const char* name;
  size_t size;
  CK_MECHANISM_TYPE mechanism;
  CK_RSA_PKCS_MGF_TYPE mgf;
  /// DER of a DigestInfo up to the digest (RFC 8017, section 9.2, note 1).
  std::array<unsigned char, 19> prefix;
};

constexpr Digest kDigests[] = {
    {NID_sha256,
     "SHA256",
     32,
     CKM_SHA256,
     CKG_MGF1_SHA256,
     {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01,
      0x05, 0x00, 0x04, 0x20}},
    {NID_sha384,
     "SHA384",
     48,
     CKM_SHA384,
     CKG_MGF1_SHA384,
     {0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02,
      0x05, 0x00, 0x04, 0x30}},
    {NID_sha512,
     "SHA512",
     64,
     CKM_SHA512,
     CKG_MGF1_SHA512,
     {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03,
      0x05, 0x00, 0x04, 0x40}},
};

const Digest* digestOf(int nid) {
  for (const Digest& each : kDigests) {
    if (each.nid == nid) return &each;
  }
  return nullptr;
}

/// A row of the SignatureScheme registry.
struct Scheme {
  uint16_t number;
  CK_MECHANISM_TYPE mechanism;
  int digest;  // 0: the message itself is signed
};

constexpr Scheme kSchemes[] = {
    {0x0403, CKM_ECDSA, NID_sha256},         // ecdsa_secp256r1_sha256
    {0x0503, CKM_ECDSA, NID_sha384},         // ecdsa_secp384r1_sha384
    {0x0807, CKM_EDDSA, 0},                  // ed25519
    {0x0804, CKM_RSA_PKCS_PSS, NID_sha256},  // rsa_pss_rsae_sha256
    {0x0805, CKM_RSA_PKCS_PSS, NID_sha384},
    {0x0806, CKM_RSA_PKCS_PSS, NID_sha512},
    {0x0401, CKM_RSA_PKCS, NID_sha256},  // rsa_pkcs1_sha256
    {0x0501, CKM_RSA_PKCS, NID_sha384},
    {0x0601, CKM_RSA_PKCS, NID_sha512},
};

const Scheme* schemeOf(uint16_t number) {
  for (const Scheme& each : kSchemes) {
    if (each.number == number) return &each;
  }
  return nullptr;
}

using MdContext = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

size_t fieldSize(KeyType type) { return type == KeyType::ecP384 ? 48 : 32; }

/// XORs MGF1 (RFC 8017, appendix B.2.1) of the seed into `target`.
bool mask(unsigned char* target, size_t size, const unsigned char* seed, size_t seedSize,
          const EVP_MD* md) {
  MdContext context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  unsigned char block[EVP_MAX_MD_SIZE];
  const size_t step = static_cast<size_t>(EVP_MD_get_size(md));
  for (size_t at = 0, counter = 0; at < size; at += step, counter++) {
    const unsigned char number[4] = {
        static_cast<unsigned char>(counter >> 24), static_cast<unsigned char>(counter >> 16),
        static_cast<unsigned char>(counter >> 8), static_cast<unsigned char>(counter)};
    if (!context || !EVP_DigestInit_ex2(context.get(), md, nullptr) ||
        !EVP_DigestUpdate(context.get(), seed, seedSize) ||
        !EVP_DigestUpdate(context.get(), number, sizeof number) ||
        !EVP_DigestFinal_ex(context.get(), block, nullptr)) {
      return false;
    }
    for (size_t i = 0; i < std::min(step, size - at); i++) target[at + i] ^= block[i];
  }
  return true;
}

/// A positive DER INTEGER of big-endian bytes.
void appendInteger(Bytes* out, const unsigned char* value, size_t size) {
  while (size > 1 && *value == 0) value++, size--;
  const bool pad = *value & 0x80;
  out->push_back(0x02);
  out->push_back(static_cast<unsigned char>(size + pad));
  if (pad) out->push_back(0);
  out->insert(out->end(), value, value + size);
}

}  // namespace

std::optional<KeyType> keyType(const EVP_PKEY* publicKey) {
  const int bits = EVP_PKEY_get_bits(publicKey);
  if (EVP_PKEY_is_a(publicKey, "RSA")) {
    return bits >= 2048 && bits <= 8192 ? std::optional(KeyType::rsa) : std::nullopt;
  }
  if (EVP_PKEY_is_a(publicKey, "ED25519")) return KeyType::ed25519;
  if (!EVP_PKEY_is_a(publicKey, "EC")) return std::nullopt;
  char group[32] = "";
  EVP_PKEY_get_group_name(publicKey, group, sizeof group, nullptr);
  if (!strcmp(group, "prime256v1")) return KeyType::ecP256;
  if (!strcmp(group, "secp384r1")) return KeyType::ecP384;
  return std::nullopt;
}

CK_KEY_TYPE pkcs11KeyType(KeyType type) {
  if (type == KeyType::rsa) return CKK_RSA;
  return type == KeyType::ed25519 ? CKK_EC_EDWARDS : CKK_EC;
}

const char* algorithmName(KeyType type) {
  if (type == KeyType::rsa) return "RSA";
  return type == KeyType::ed25519 ? "ED25519" : "EC";
}

SigningInput ecdsaInput(KeyType type, const unsigned char* digest, size_t size) {
  return {CKM_ECDSA, {}, Bytes(digest, digest + std::min(size, fieldSize(type)))};
}

SigningInput ed25519Input(const unsigned char* message, size_t size) {
  return {CKM_EDDSA, {}, Bytes(message, message + size)};
}

std::optional<SigningInput> pkcs1Input(int digestNid, const unsigned char* digest, size_t size) {
  const Digest* hash = digestOf(digestNid);
  if (!hash || hash->size != size) return std::nullopt;
  SigningInput input{CKM_RSA_PKCS, {}, Bytes(hash->prefix.begin(), hash->prefix.end())};
  input.data.insert(input.data.end(), digest, digest + size);
  return input;
}

std::optional<SigningInput> pssInput(int digestNid, const unsigned char* digest, size_t size,
                                     size_t saltLength) {
  const Digest* hash = digestOf(digestNid);
  if (!hash || hash->size != size) return std::nullopt;
  SigningInput input{CKM_RSA_PKCS_PSS, {}, Bytes(digest, digest + size)};
  input.pss.hashAlg = hash->mechanism;
  input.pss.mgf = hash->mgf;
  input.pss.sLen = saltLength;
  return input;
}

std::optional<SigningInput> rawPssInput(const SigningInput& pss, int bits) {
  const Digest* hash = nullptr;
  for (const Digest& each : kDigests) {
    if (each.mechanism == pss.pss.hashAlg) hash = &each;
  }
  const size_t total = static_cast<size_t>(bits + 7) / 8;
  const size_t encoded = static_cast<size_t>(bits - 1 + 7) / 8;  // emLen: one less if bits % 8 == 1
  const size_t salt = pss.pss.sLen;
  if (!hash || pss.data.size() != hash->size || encoded < hash->size + salt + 2)
    return std::nullopt;

  std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)> md(
      EVP_MD_fetch(libraryContext(), hash->name, "provider=default"), EVP_MD_free);
  MdContext context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  SigningInput raw{CKM_RSA_X_509, {}, Bytes(total, 0)};
  unsigned char* em = raw.data.data() + (total - encoded);
  const size_t db = encoded - hash->size - 1;
  unsigned char* saltAt = em + db - salt;
  constexpr unsigned char zeros[8] = {};
  if (!md || !context || RAND_bytes_ex(libraryContext(), saltAt, salt, 0) != 1 ||
      !EVP_DigestInit_ex2(context.get(), md.get(), nullptr) ||
      !EVP_DigestUpdate(context.get(), zeros, sizeof zeros) ||
      !EVP_DigestUpdate(context.get(), pss.data.data(), pss.data.size()) ||
      !EVP_DigestUpdate(context.get(), saltAt, salt) ||
      !EVP_DigestFinal_ex(context.get(), em + db, nullptr)) {
    return std::nullopt;
  }
  saltAt[-1] = 0x01;
  if (!mask(em, db, em + db, hash->size, md.get())) return std::nullopt;
  em[0] &= static_cast<unsigned char>(0xff >> (8 * encoded - static_cast<size_t>(bits - 1)));
  em[encoded - 1] = 0xbc;
  return raw;
}

Bytes derSignature(const unsigned char* raw, size_t size) {
  if (size == 0 || size % 2 || size > 96) return {};
  Bytes integers;
  integers.reserve(size + 8);
  appendInteger(&integers, raw, size / 2);
  appendInteger(&integers, raw + size / 2, size / 2);
  Bytes result{0x30};  // at most 2 × (2 + 1 + 48) = 102 bytes: one length byte
  result.reserve(integers.size() + 2);
  result.push_back(static_cast<unsigned char>(integers.size()));
  result.insert(result.end(), integers.begin(), integers.end());
  return result;
}

std::optional<SigningInput> schemeInput(KeyType type, uint16_t scheme, const unsigned char* message,
                                        size_t size) {
  const Scheme* row = schemeOf(scheme);
  const std::span<const uint16_t> possible = schemesOf(type);
  if (!row || std::find(possible.begin(), possible.end(), scheme) == possible.end()) {
    return std::nullopt;
  }
  if (!row->digest) return ed25519Input(message, size);
  const Digest* hash = digestOf(row->digest);
  unsigned char digest[EVP_MAX_MD_SIZE];
  size_t digestSize = 0;
  if (!EVP_Q_digest(libraryContext(), hash->name, nullptr, message, size, digest, &digestSize)) {
    return std::nullopt;
  }
  if (row->mechanism == CKM_ECDSA) return ecdsaInput(type, digest, digestSize);
  if (row->mechanism == CKM_RSA_PKCS) return pkcs1Input(row->digest, digest, digestSize);
  return pssInput(row->digest, digest, digestSize, digestSize);
}

bool verifies(EVP_PKEY* publicKey, uint16_t scheme, const unsigned char* message,
              size_t messageSize, const unsigned char* signature, size_t signatureSize) {
  const Scheme* row = schemeOf(scheme);
  if (!row) return false;
  const Digest* hash = digestOf(row->digest);
  MdContext context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  EVP_PKEY_CTX* parameters = nullptr;
  if (!context || EVP_DigestVerifyInit_ex(context.get(), &parameters, hash ? hash->name : nullptr,
                                          libraryContext(), nullptr, publicKey, nullptr) != 1) {
    return false;
  }
  if (row->mechanism == CKM_RSA_PKCS_PSS &&
      (EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) <= 0 ||
       EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) <= 0)) {
    return false;
  }
  return EVP_DigestVerify(context.get(), signature, signatureSize, message, messageSize) == 1;
}

std::span<const uint16_t> schemesOf(KeyType type) {
  // Never destroyed: signatures go on while exit() destroys what is static.
  static constexpr uint16_t rsa[] = {0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601};
  static constexpr uint16_t p256[] = {0x0403};
  static constexpr uint16_t p384[] = {0x0503};
  static constexpr uint16_t ed25519[] = {0x0807};
  switch (type) {
    case KeyType::rsa:
      return rsa;
    case KeyType::ecP256:
      return p256;
    case KeyType::ecP384:
      return p384;
    case KeyType::ed25519:
      return ed25519;
  }
  __builtin_unreachable();
}

CK_MECHANISM_TYPE mechanismOf(uint16_t scheme) {
  const Scheme* row = schemeOf(scheme);
  return row ? row->mechanism : CK_UNAVAILABLE_INFORMATION;
}

}  // namespace tlspool::token
