#include "engine/credential.h"

#include <openssl/err.h>

#include <algorithm>
#include <optional>
#include <span>

#include "engine/certificates.h"

namespace tlspool::engine {

namespace {

using Kind = Credential::Kind;

std::optional<Kind> kindOf(const EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "RSA")) return Kind::kRsa;
  if (EVP_PKEY_is_a(key, "ED25519")) return Kind::kEd25519;
  if (!EVP_PKEY_is_a(key, "EC")) return std::nullopt;
  char group[64];
  if (!EVP_PKEY_get_group_name(key, group, sizeof group, nullptr)) return std::nullopt;
  std::string name(group);
  if (name == "prime256v1" || name == "P-256") return Kind::kP256;
  if (name == "secp384r1" || name == "P-384") return Kind::kP384;
  return std::nullopt;
}

// Arrays, as they are never destroyed: handshakes go on while exit() destroys what is static.
constexpr uint16_t kPss[] = {0x0804, 0x0805, 0x0806};
constexpr uint16_t kRsa[] = {0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601};
constexpr uint16_t kP256[] = {0x0403};
constexpr uint16_t kP384[] = {0x0503};
constexpr uint16_t kEcdsa[] = {0x0403, 0x0503, 0x0603};
constexpr uint16_t kEd25519[] = {0x0807};

using Schemes = std::span<const uint16_t>;

/// SignatureScheme numbers with which a key of this kind can sign a handshake.
Schemes schemesOf(Kind kind, bool tls13) {
  switch (kind) {
    case Kind::kRsa:
      return tls13 ? Schemes(kPss) : kRsa;
    case Kind::kP256:
      return tls13 ? Schemes(kP256) : kEcdsa;
    case Kind::kP384:
      return tls13 ? Schemes(kP384) : kEcdsa;
    default:
      return kEd25519;
  }
}

bool contains(const std::vector<uint16_t>& list, uint16_t value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

}  // namespace

std::shared_ptr<const Credential> Credential::create(CredentialHandle handle,
                                                     const std::vector<node::Bytes>& chain,
                                                     token::KeyHandle key, std::string* reason) {
  ERR_clear_error();
  auto made = std::shared_ptr<Credential>(new Credential);
  made->handle_ = handle;
  made->issuers_.reset(sk_X509_new_null());
  for (const node::Bytes& der : chain) {
    CertificatePointer certificate = parseCertificate(der);
    if (!certificate) {
      *reason = "a certificate of the chain does not parse";
      return nullptr;
    }
    if (!made->leaf_) {
      made->leaf_ = std::move(certificate);
    } else {
      sk_X509_push(made->issuers_.get(), certificate.release());
    }
  }
  if (!made->leaf_) {
    *reason = "the chain is empty";
    return nullptr;
  }
  made->key_.reset(token::evpKey(key));
  if (!made->key_) {
    *reason = "the key is not known";
    return nullptr;
  }
  auto kind = kindOf(made->key_.get());
  if (!kind) {
    *reason = "keys of this kind are of no use here (RSA, P-256, P-384 and Ed25519 are)";
    return nullptr;
  }
  made->kind_ = *kind;
  if (X509_check_private_key(made->leaf_.get(), made->key_.get()) != 1) {
    ERR_clear_error();
    *reason = "the key does not match the certificate";
    return nullptr;
  }
  return made;
}

bool Credential::suits(const std::vector<uint16_t>& schemes, bool tls13) const {
  const Schemes ours = schemesOf(kind_, tls13);
  return std::any_of(ours.begin(), ours.end(),
                     [&](uint16_t scheme) { return contains(schemes, scheme); });
}

bool Credential::suits(const ClientHello& hello) const {
  if (!suits(hello.signatureSchemes, hello.tls13)) return false;
  if (hello.tls13) return true;
  if (kind_ == Kind::kRsa) return hello.rsaSuites;
  if (!hello.ecdsaSuites) return false;
  if (kind_ == Kind::kP256) return contains(hello.groups, kGroupP256);
  if (kind_ == Kind::kP384) return contains(hello.groups, kGroupP384);
  return true;
}

bool Credential::use(SSL* ssl) const {
  SSL_certs_clear(ssl);
  return SSL_use_cert_and_key(ssl, leaf_.get(), key_.get(), issuers_.get(), 1) == 1;
}

void Credential::keepStaple(node::Bytes response) const {
  std::lock_guard lock(stapleLock_);
  staple_ = std::move(response);
}

bool Credential::staple(SSL* ssl) const {
  std::lock_guard lock(stapleLock_);
  if (staple_.empty()) return false;
  void* copy = OPENSSL_memdup(staple_.data(), staple_.size());
  // The connection owns the copy from here on.
  return copy && SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(staple_.size())) == 1;
}

}  // namespace tlspool::engine
