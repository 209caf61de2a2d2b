// Certificates as DER and as OpenSSL's objects of our library context.
#pragma once

#include <string>
#include <vector>

#include "engine/openssl-pointers.h"
#include "node/values.h"

namespace tlspool::engine {

/// Null unless the bytes are exactly one certificate.
CertificatePointer parseCertificate(const node::Bytes& der);

node::Bytes toDer(const X509* certificate);

/// Leaf first.
std::vector<node::Bytes> toDer(const STACK_OF(X509) * chain);

}  // namespace tlspool::engine
