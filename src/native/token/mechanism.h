// How signatures are asked of a token (PKCS #11 mechanisms) and what comes back.
#pragma once

#include <openssl/evp.h>
#include <p11-kit/pkcs11.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace tlspool::token {

using Bytes = std::vector<unsigned char>;

/// The kinds of private keys that TLS identities have here.
enum class KeyType { rsa, ecP256, ecP384, ed25519 };

/// Nothing for a key of another kind, curve, or of less than 2048 or more than 8192 bits of RSA.
std::optional<KeyType> keyType(const EVP_PKEY* publicKey);

/// CKK_RSA, CKK_EC or CKK_EC_EDWARDS.
CK_KEY_TYPE pkcs11KeyType(KeyType type);

/// The name that OpenSSL fetches algorithms by: of keys "RSA", "EC", "ED25519".
const char* algorithmName(KeyType type);

enum class Padding { pkcs1, pss };

/// One signature as a token is asked for it.
struct SigningInput {
  CK_MECHANISM_TYPE mechanism = 0;
  CK_RSA_PKCS_PSS_PARAMS pss{};  // used by CKM_RSA_PKCS_PSS only
  Bytes data;
};

/// ECDSA over a digest, which is cut to the curve's size (FIPS 186-4, section 6.4).
SigningInput ecdsaInput(KeyType type, const unsigned char* digest, size_t size);
/// The whole message: the token hashes (RFC 8032, PureEdDSA).
SigningInput ed25519Input(const unsigned char* message, size_t size);
/// RSASSA-PKCS1-v1_5 (RFC 8017, section 9.2): the token gets a DigestInfo. `digestNid` is of
/// SHA-256, SHA-384 or SHA-512, and `size` its size; nothing otherwise.
std::optional<SigningInput> pkcs1Input(int digestNid, const unsigned char* digest, size_t size);
/// RSASSA-PSS with MGF1 of the same digest, as TLS 1.3 has it (RFC 8446, section 4.2.3).
std::optional<SigningInput> pssInput(int digestNid, const unsigned char* digest, size_t size,
                                     size_t saltLength);

/// The same as an input to raw RSA (CKM_RSA_X_509), for tokens without CKM_RSA_PKCS_PSS: EMSA-PSS
/// of RFC 8017, section 9.1.1, for a modulus of `bits`. Nothing if OpenSSL fails.
std::optional<SigningInput> rawPssInput(const SigningInput& pss, int bits);

/// r‖s of a token as the DER that TLS has (RFC 3279, section 2.2.3). Empty for an odd or zero
/// length.
Bytes derSignature(const unsigned char* raw, size_t size);

/// A TLS SignatureScheme (RFC 8446, section 4.2.3) as a token does it; the message is hashed here
/// where the scheme hashes. Nothing if the key cannot make it.
std::optional<SigningInput> schemeInput(KeyType type, uint16_t scheme, const unsigned char* message,
                                        size_t size);

/// Whether `signature`, in TLS form, is of that scheme over that message by that key.
bool verifies(EVP_PKEY* publicKey, uint16_t scheme, const unsigned char* message,
              size_t messageSize, const unsigned char* signature, size_t signatureSize);

/// Schemes that a key of the type makes in TLS 1.2 and 1.3, the best first.
std::span<const uint16_t> schemesOf(KeyType type);

/// The mechanism that a scheme needs.
CK_MECHANISM_TYPE mechanismOf(uint16_t scheme);

}  // namespace tlspool::token
