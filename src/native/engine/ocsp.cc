#include "engine/ocsp.h"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/ocsp.h>
#include <openssl/x509_vfy.h>

#include "engine/crl.h"
#include "engine/openssl-pointers.h"

namespace tlspool::engine::ocsp {

namespace {

/// Seconds that clocks may differ.
constexpr long kSkew = 300;
/// As for paths: see anchors.cc.
constexpr int kSecurityLevel = 2;

/// In the default library context: that is where OCSP_basic_verify works.
CertificatePointer parse(const node::Bytes& der) {
  const unsigned char* at = der.data();
  return CertificatePointer(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
}

Verdict invalid(const char* reason) {
  ERR_clear_error();
  Verdict verdict;
  verdict.reason = reason;
  return verdict;
}

Verdict invalid(const std::string& reason) { return invalid(reason.c_str()); }

/// MD5 and SHA-1 can be forged. A signature without a hash of its own (Ed25519) is good.
bool isStrong(const OCSP_BASICRESP* basic) {
  const X509_ALGOR* algorithm = OCSP_resp_get0_tbs_sigalg(basic);
  const ASN1_OBJECT* oid = nullptr;
  X509_ALGOR_get0(&oid, nullptr, nullptr, algorithm);
  int hash = NID_undef;
  int key = NID_undef;
  if (OBJ_find_sigid_algs(OBJ_obj2nid(oid), &hash, &key) != 1) return false;
  return hash != NID_md5 && hash != NID_md4 && hash != NID_sha1;
}

bool isSigned(OCSP_BASICRESP* basic, X509* issuer) {
  // The issuer is all that vouches for the signer; whether it is a root makes no difference here.
  StorePointer store(X509_STORE_new());
  ChainPointer issuers(sk_X509_new_null());
  if (!store || !issuers || X509_STORE_add_cert(store.get(), issuer) != 1) return false;
  X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_auth_level(X509_STORE_get0_param(store.get()), kSecurityLevel);
  if (X509_up_ref(issuer) != 1) return false;
  if (sk_X509_push(issuers.get(), issuer) == 0) {
    X509_free(issuer);
    return false;
  }
  return OCSP_basic_verify(basic, issuers.get(), store.get(), 0) == 1;
}

bool setNonce(OCSP_REQUEST* request, const node::Bytes& nonce) {
  if (nonce.empty()) return true;
  return OCSP_request_add1_nonce(request, const_cast<unsigned char*>(nonce.data()),
                                 static_cast<int>(nonce.size())) == 1;
}

/// Null if the nonce is as it should be; else what is wrong with it.
const char* nonceFault(const Question& question, OCSP_BASICRESP* basic) {
  if (question.nonce.empty()) return nullptr;
  OcspRequestPointer asked(OCSP_REQUEST_new());
  if (!asked || !setNonce(asked.get(), question.nonce)) return "its nonce cannot be compared";
  int outcome = OCSP_check_nonce(asked.get(), basic);
  if (outcome == 0) return "it answers another question: the nonce differs";
  bool repeated = outcome == 1;
  return repeated || !question.nonceRequired ? nullptr : "it does not repeat the nonce";
}

}  // namespace

node::Bytes request(const node::Bytes& certificate, const node::Bytes& issuer,
                    const node::Bytes& nonce) {
  ERR_clear_error();
  CertificatePointer subject = parse(certificate);
  CertificatePointer signer = parse(issuer);
  OcspRequestPointer made(OCSP_REQUEST_new());
  node::Bytes der;
  if (subject && signer && made) {
    // The hash only names the issuer; responders know SHA-1 (RFC 5019 section 2.1.1).
    OcspIdPointer id(OCSP_cert_to_id(EVP_sha1(), subject.get(), signer.get()));
    bool added = id && OCSP_request_add0_id(made.get(), id.get());
    if (added) (void)id.release();
    unsigned char* data = nullptr;
    int length = added && setNonce(made.get(), nonce) ? i2d_OCSP_REQUEST(made.get(), &data) : -1;
    if (length > 0) {
      der.assign(data, data + length);
      OPENSSL_free(data);
    }
  }
  ERR_clear_error();
  return der;
}

Verdict verify(const Question& question) {
  ERR_clear_error();
  CertificatePointer certificate = parse(question.certificate);
  CertificatePointer issuer = parse(question.issuer);
  if (!certificate || !issuer) return invalid("the certificate does not parse");
  const unsigned char* at = question.response.data();
  OcspResponsePointer response(
      d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(question.response.size())));
  if (!response || at != question.response.data() + question.response.size()) {
    return invalid("it does not parse");
  }
  int outcome = OCSP_response_status(response.get());
  if (outcome != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
    return invalid(std::string("the responder says ") + OCSP_response_status_str(outcome));
  }
  OcspBasicPointer basic(OCSP_response_get1_basic(response.get()));
  if (!basic) return invalid("it is not a basic response");
  if (!isStrong(basic.get())) return invalid("it is signed with a hash that can be forged");
  if (!isSigned(basic.get(), issuer.get())) {
    return invalid("it is not signed by the issuer, or by whom the issuer charged with that");
  }
  if (const char* fault = nonceFault(question, basic.get())) return invalid(fault);
  // The responder may name the certificate by another hash than we would.
  for (int i = 0; i < OCSP_resp_count(basic.get()); i++) {
    OCSP_SINGLERESP* single = OCSP_resp_get0(basic.get(), i);
    const OCSP_CERTID* id = OCSP_SINGLERESP_get0_id(single);
    ASN1_OBJECT* hash = nullptr;
    OCSP_id_get0_info(nullptr, &hash, nullptr, nullptr, const_cast<OCSP_CERTID*>(id));
    const EVP_MD* method = EVP_get_digestbyobj(hash);
    if (!method) continue;
    OcspIdPointer ours(OCSP_cert_to_id(method, certificate.get(), issuer.get()));
    if (!ours || OCSP_id_cmp(ours.get(), id) != 0) continue;
    ASN1_GENERALIZEDTIME* revoked = nullptr;
    ASN1_GENERALIZEDTIME* from = nullptr;
    ASN1_GENERALIZEDTIME* until = nullptr;
    int status = OCSP_single_get0_status(single, nullptr, &revoked, &from, &until);
    if (OCSP_check_validity(from, until, kSkew, until ? -1 : question.longest) != 1) {
      return invalid(until ? "it is not valid now: expired, or not valid yet" : "it is too old");
    }
    Verdict verdict;
    verdict.status = status == V_OCSP_CERTSTATUS_GOOD      ? Verdict::Status::kGood
                     : status == V_OCSP_CERTSTATUS_REVOKED ? Verdict::Status::kRevoked
                                                           : Verdict::Status::kUnknown;
    verdict.thisUpdate = epochOf(from);
    verdict.nextUpdate = epochOf(until);
    verdict.revokedAt = epochOf(revoked);
    ERR_clear_error();
    return verdict;
  }
  return invalid("it is about another certificate");
}

}  // namespace tlspool::engine::ocsp
