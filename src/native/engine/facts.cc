#include "engine/facts.h"

#include <openssl/err.h>
#include <openssl/objects.h>

#include "engine/certificates.h"
#include "token/key.h"

namespace tlspool::engine::facts {

std::optional<node::Bytes> exportKeys(SSL* ssl, const std::string& label,
                                      const std::optional<node::Bytes>& context, size_t length) {
  ERR_clear_error();
  node::Bytes keys(length);
  int done = SSL_export_keying_material(ssl, keys.data(), length, label.data(), label.size(),
                                        context ? context->data() : nullptr,
                                        context ? context->size() : 0, context.has_value());
  ERR_clear_error();
  if (done != 1) return std::nullopt;
  return keys;
}

std::vector<node::Bytes> ownCertificates(SSL* ssl) {
  std::vector<node::Bytes> chain;
  X509* leaf = SSL_get_certificate(ssl);
  if (!leaf) return chain;
  chain.push_back(toDer(leaf));
  STACK_OF(X509)* issuers = nullptr;
  SSL_get0_chain_certs(ssl, &issuers);
  for (node::Bytes& issuer : toDer(issuers)) chain.push_back(std::move(issuer));
  return chain;
}

std::vector<node::Bytes> peerCertificates(SSL* ssl) {
  std::vector<node::Bytes> chain;
  if (const X509* leaf = SSL_get0_peer_certificate(ssl)) chain.push_back(toDer(leaf));
  // A server does not find its peer's leaf among these (SSL_get_peer_cert_chain(3)), a client does.
  std::vector<node::Bytes> rest = toDer(SSL_get_peer_cert_chain(ssl));
  for (size_t i = SSL_is_server(ssl) ? 0 : 1; i < rest.size(); i++) {
    chain.push_back(std::move(rest[i]));
  }
  return chain;
}

std::optional<node::Bytes> tlsUnique(SSL* ssl) {
  if (SSL_version(ssl) != TLS1_2_VERSION && !SSL_is_dtls(ssl)) return std::nullopt;
  unsigned char finished[EVP_MAX_MD_SIZE];
  // The first Finished message of the handshake: the client's, or the server's if it was resumed.
  bool clientFirst = !SSL_session_reused(ssl);
  bool ours = clientFirst != static_cast<bool>(SSL_is_server(ssl));
  size_t length = ours ? SSL_get_finished(ssl, finished, sizeof finished)
                       : SSL_get_peer_finished(ssl, finished, sizeof finished);
  if (length == 0) return std::nullopt;
  return node::Bytes(finished, finished + length);
}

std::optional<node::Bytes> tlsExporter(SSL* ssl) {
  if (SSL_version(ssl) != TLS1_3_VERSION && SSL_get_extms_support(ssl) != 1) return std::nullopt;
  return exportKeys(ssl, "EXPORTER-Channel-Binding", node::Bytes(), 32);
}

std::optional<node::Bytes> tlsServerEndPoint(SSL* ssl) {
  X509* certificate =
      SSL_is_server(ssl) ? SSL_get_certificate(ssl) : SSL_get0_peer_certificate(ssl);
  int hash = NID_undef;
  if (!certificate || X509_get_signature_info(certificate, &hash, nullptr, nullptr, nullptr) != 1) {
    return std::nullopt;
  }
  if (hash == NID_undef) return std::nullopt;
  if (hash == NID_md5 || hash == NID_sha1) hash = NID_sha256;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_MD* method = EVP_MD_fetch(token::libraryContext(), OBJ_nid2sn(hash), nullptr);
  bool done = method && X509_digest(certificate, method, digest, &length) == 1;
  EVP_MD_free(method);
  ERR_clear_error();
  if (!done) return std::nullopt;
  return node::Bytes(digest, digest + length);
}

}  // namespace tlspool::engine::facts
