#include "engine/anchors.h"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "engine/certificates.h"
#include "token/key.h"

namespace tlspool::engine {

namespace {

/// 112 bits: RSA of 2048 bits and more, no SHA-1 signatures. The same as for our own connections.
constexpr int kSecurityLevel = 2;
/// Intermediate certificates between leaf and anchor.
constexpr int kDepth = 10;

bool isAmong(const ASN1_OBJECT* oid, const std::vector<std::string>& dotted) {
  char text[128];
  int length = OBJ_obj2txt(text, sizeof text, oid, 1);
  if (length <= 0 || length >= static_cast<int>(sizeof text)) return false;
  return std::find(dotted.begin(), dotted.end(), text) != dotted.end();
}

/// Whether every critical extension is known to OpenSSL or to somebody else.
bool isUnderstood(const X509* certificate, const std::vector<std::string>& extensions) {
  for (int i = 0; i < X509_get_ext_count(certificate); i++) {
    X509_EXTENSION* extension = X509_get_ext(certificate, i);
    if (!X509_EXTENSION_get_critical(extension) || X509_supported_extension(extension)) continue;
    if (!isAmong(X509_EXTENSION_get_object(extension), extensions)) return false;
  }
  return true;
}

int judge(int ok, X509_STORE_CTX* context) {
  if (ok == 1 || X509_STORE_CTX_get_error(context) != X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION) {
    return ok;
  }
  auto* question = static_cast<const PathQuestion*>(X509_STORE_CTX_get_app_data(context));
  const X509* certificate = X509_STORE_CTX_get_current_cert(context);
  if (!certificate || !isUnderstood(certificate, question->extensions)) return 0;
  X509_STORE_CTX_set_error(context, X509_V_OK);
  return 1;
}

PathVerdict refused(int error) { return {error, X509_verify_cert_error_string(error), 0, {}}; }

}  // namespace

std::shared_ptr<const Anchors> Anchors::create(const std::vector<node::Bytes>& certificates) {
  ERR_clear_error();
  auto anchors = std::shared_ptr<Anchors>(new Anchors);
  anchors->store_.reset(X509_STORE_new());
  for (const node::Bytes& der : certificates) {
    CertificatePointer certificate = parseCertificate(der);
    bool added = certificate && X509_STORE_add_cert(anchors->store_.get(), certificate.get()) == 1;
    if (!added) {
      ERR_clear_error();
      return nullptr;
    }
  }
  return anchors;
}

PathVerdict Anchors::verify(const PathQuestion& question) const {
  ERR_clear_error();
  ChainPointer shown(sk_X509_new_null());
  for (const node::Bytes& der : question.chain) {
    CertificatePointer certificate = parseCertificate(der);
    if (!certificate) return refused(X509_V_ERR_UNSPECIFIED);
    sk_X509_push(shown.get(), certificate.release());
  }
  if (sk_X509_num(shown.get()) == 0) return refused(X509_V_ERR_INVALID_CALL);
  CrlsPointer crls(sk_X509_CRL_new_null());
  for (const auto& crl : question.crls) {
    if (X509_CRL_up_ref(crl->get()) == 1) sk_X509_CRL_push(crls.get(), crl->get());
  }
  StoreContextPointer context(X509_STORE_CTX_new_ex(token::libraryContext(), nullptr));
  if (!context || X509_STORE_CTX_init(context.get(), store_.get(), sk_X509_value(shown.get(), 0),
                                      shown.get()) != 1) {
    return refused(X509_V_ERR_OUT_OF_MEM);
  }
  // Not X509_V_FLAG_X509_STRICT: it refuses anchors and private CAs without key identifiers, which
  // do no harm. Not X509_V_FLAG_PARTIAL_CHAIN unless asked for: an anchor is a root, or the
  // operator means its issuer.
  X509_VERIFY_PARAM* rules = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_auth_level(rules, kSecurityLevel);
  X509_VERIFY_PARAM_set_depth(rules, kDepth);
  if (question.at) X509_VERIFY_PARAM_set_time(rules, *question.at);
  unsigned long flags = question.partial ? X509_V_FLAG_PARTIAL_CHAIN : 0;
  if (question.checkRevocation) flags |= X509_V_FLAG_CRL_CHECK;
  X509_VERIFY_PARAM_set_flags(rules, flags);
  X509_STORE_CTX_set0_crls(context.get(), crls.get());
  X509_STORE_CTX_set_app_data(context.get(), const_cast<PathQuestion*>(&question));
  X509_STORE_CTX_set_verify_cb(context.get(), judge);
  if (question.remote) {
    X509_STORE_CTX_set_purpose(context.get(), *question.remote == Role::kServer
                                                  ? X509_PURPOSE_SSL_SERVER
                                                  : X509_PURPOSE_SSL_CLIENT);
  }
  bool ok = X509_verify_cert(context.get()) == 1;
  ERR_clear_error();
  PathVerdict verdict;
  if (ok) {
    verdict.message = "ok";
    verdict.path = toDer(X509_STORE_CTX_get0_chain(context.get()));
    return verdict;
  }
  verdict = refused(X509_STORE_CTX_get_error(context.get()));
  if (verdict.error == X509_V_OK) verdict = refused(X509_V_ERR_UNSPECIFIED);
  verdict.depth = X509_STORE_CTX_get_error_depth(context.get());
  return verdict;
}

}  // namespace tlspool::engine
