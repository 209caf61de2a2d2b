// What kind of connection a connect(2) is to make.
#pragma once

#include "socket/address.h"

namespace tlspool::supervisor {

enum class ConnectionKind {
  /// TCP, by whatever name: it may have to be wrapped.
  stream,
  /// UDP to a name server.
  resolver,
  /// A cache of names on this machine, behind which questions cannot be seen.
  nameCache,
  /// The end of an association.
  dissolve,
  /// What TLS cannot be put on, though the kernel would carry a stream over it.
  unsupported,
  other,
};

/// What is `other` is the kernel's to do, which reads the address anew: by the kind of its socket
/// none of it can become a stream, whatever the program puts into its memory meanwhile.
ConnectionKind connectionKind(int fd, const socket::Address& address);

}  // namespace tlspool::supervisor
