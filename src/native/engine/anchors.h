// A set of trust anchors, and the check of a certificate path against it (RFC 5280 section 6), done
// by OpenSSL's own path builder.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/crl.h"
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

/// PathQuestion of types.ts.
struct PathQuestion {
  /// DER, leaf first, as the peer sent it.
  std::vector<node::Bytes> chain;
  /// Of who shows it: a server's leaf must be good for server authentication. Nothing: any use is.
  std::optional<Role> remote;
  /// Epoch seconds; now unless told.
  std::optional<int64_t> at;
  /// Whether an anchor may be any certificate: an intermediate one, or the leaf itself.
  bool partial = false;
  /// Whether the first certificate must be on none of these lists; one that covers it must be
  /// there.
  bool checkRevocation = false;
  std::vector<std::shared_ptr<const Crl>> crls;
  /// Dotted OIDs of extensions that somebody else looks at: critical ones are no reason to refuse.
  std::vector<std::string> extensions;
};

/// Immutable; may be used by several threads at once.
class Anchors {
 public:
  /// Null if a certificate does not parse. `certificates` are DER.
  static std::shared_ptr<const Anchors> create(const std::vector<node::Bytes>& certificates);

  /// Whether the chain leads to one of the anchors.
  PathVerdict verify(const PathQuestion& question) const;

 private:
  Anchors() = default;

  StorePointer store_;
};

}  // namespace tlspool::engine
