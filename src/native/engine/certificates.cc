#include "engine/certificates.h"

#include "token/key.h"

namespace tlspool::engine {

CertificatePointer parseCertificate(const node::Bytes& der) {
  X509* target = X509_new_ex(token::libraryContext(), nullptr);
  const unsigned char* at = der.data();
  bool parsed = target && d2i_X509(&target, &at, static_cast<long>(der.size()));
  // d2i_X509 frees what is no certificate, and sets it to null; not one whose extensions are bad.
  CertificatePointer certificate(target);
  if (!parsed || at != der.data() + der.size()) return nullptr;
  return certificate;
}

node::Bytes toDer(const X509* certificate) {
  unsigned char* data = nullptr;
  int length = i2d_X509(certificate, &data);
  if (length < 0) return {};
  node::Bytes result(data, data + length);
  OPENSSL_free(data);
  return result;
}

std::vector<node::Bytes> toDer(const STACK_OF(X509) * chain) {
  std::vector<node::Bytes> result;
  for (int i = 0; i < sk_X509_num(chain); i++) result.push_back(toDer(sk_X509_value(chain, i)));
  return result;
}

}  // namespace tlspool::engine
