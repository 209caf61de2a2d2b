// Questions about one certificate to an OCSP responder (RFC 6960), and the check of what it
// answers, done by OpenSSL.
#pragma once

#include <cstdint>
#include <string>

#include "node/values.h"

namespace tlspool::engine::ocsp {

/// DER of a request for the certificate (DER) that `issuer` (DER) signed; empty if one of them does
/// not parse. A nonce that is not empty is asked to be repeated (RFC 9654).
node::Bytes request(const node::Bytes& certificate, const node::Bytes& issuer,
                    const node::Bytes& nonce);

/// OcspQuestion of types.ts.
struct Question {
  /// DER.
  node::Bytes response;
  node::Bytes certificate;
  node::Bytes issuer;
  /// What was sent; empty: nothing was.
  node::Bytes nonce;
  /// Whether a response must repeat it. One that repeats another is refused in any case.
  bool nonceRequired = false;
  /// Seconds for which a response holds that does not say until when.
  int64_t longest = 0;
};

/// OcspVerdict of types.ts.
struct Verdict {
  enum class Status { kGood, kRevoked, kUnknown, kInvalid };
  Status status = Status::kInvalid;
  /// Of kInvalid: why it counts for nothing.
  std::string reason;
  /// Epoch seconds; 0 if it does not say.
  int64_t thisUpdate = 0;
  int64_t nextUpdate = 0;
  int64_t revokedAt = 0;
};

/// Whether the response is about this certificate, signed by its issuer or by whom the issuer
/// charged with that (section 4.2.2.2), with a hash that is still good, and valid now.
Verdict verify(const Question& question);

}  // namespace tlspool::engine::ocsp
