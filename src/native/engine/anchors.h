// A set of trust anchors, and the check of a certificate path against it (RFC 5280 section 6), done
// by OpenSSL's own path builder.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/openssl-pointers.h"
#include "engine/session-options.h"
#include "node/values.h"

namespace tlspool::engine {

/// PathVerdict of types.ts.
struct PathVerdict {
  int error = 0;
  std::string message;
  int depth = 0;
  std::vector<node::Bytes> path;
};

/// Immutable; may be used by several threads at once.
class Anchors {
 public:
  /// Null if a certificate does not parse. `certificates` are DER.
  static std::shared_ptr<const Anchors> create(const std::vector<node::Bytes>& certificates);

  /// Whether `chain` (DER, leaf first, as the peer sent it) leads to one of the anchors. `remote`
  /// is the role of who shows it: a server's leaf must be good for server authentication. `at` is
  /// in epoch seconds, now unless told.
  PathVerdict verify(const std::vector<node::Bytes>& chain, Role remote,
                     std::optional<int64_t> at) const;

 private:
  Anchors() = default;

  StorePointer store_;
};

}  // namespace tlspool::engine
