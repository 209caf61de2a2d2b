// A certificate revocation list (RFC 5280 section 5), parsed once and looked into many times.
#pragma once

#include <cstdint>
#include <memory>

#include "engine/openssl-pointers.h"
#include "node/values.h"

namespace tlspool::engine {

/// Immutable; may be used by several threads at once. Nothing about it is verified.
class Crl {
 public:
  /// Null if it does not parse. `der` is DER.
  static std::shared_ptr<const Crl> create(const node::Bytes& der);

  X509_CRL* get() const { return crl_.get(); }
  /// The issuer's Name in DER.
  node::Bytes issuer() const;
  /// Epoch seconds.
  int64_t thisUpdate() const;
  /// Epoch seconds; 0 if it does not say.
  int64_t nextUpdate() const;

 private:
  explicit Crl(CrlPointer crl) : crl_(std::move(crl)) {}

  CrlPointer crl_;
};

/// Epoch seconds; 0 for no time, or one that is malformed.
int64_t epochOf(const ASN1_TIME* time);

}  // namespace tlspool::engine
