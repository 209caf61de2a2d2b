#include "engine/crl.h"

#include <openssl/err.h>

#include <ctime>

#include "token/key.h"

namespace tlspool::engine {

std::shared_ptr<const Crl> Crl::create(const node::Bytes& der) {
  ERR_clear_error();
  X509_CRL* target = X509_CRL_new_ex(token::libraryContext(), nullptr);
  const unsigned char* at = der.data();
  // Frees the target where it fails.
  if (!target || !d2i_X509_CRL(&target, &at, static_cast<long>(der.size()))) {
    ERR_clear_error();
    return nullptr;
  }
  CrlPointer crl(target);
  if (at != der.data() + der.size()) return nullptr;
  return std::shared_ptr<const Crl>(new Crl(std::move(crl)));
}

node::Bytes Crl::issuer() const {
  const unsigned char* der = nullptr;
  size_t length = 0;
  if (X509_NAME_get0_der(X509_CRL_get_issuer(crl_.get()), &der, &length) != 1) return {};
  return node::Bytes(der, der + length);
}

int64_t Crl::thisUpdate() const { return epochOf(X509_CRL_get0_lastUpdate(crl_.get())); }

int64_t Crl::nextUpdate() const { return epochOf(X509_CRL_get0_nextUpdate(crl_.get())); }

int64_t epochOf(const ASN1_TIME* time) {
  tm parts{};
  if (!time || ASN1_TIME_to_tm(time, &parts) != 1) return 0;
  return static_cast<int64_t>(timegm(&parts));
}

}  // namespace tlspool::engine
