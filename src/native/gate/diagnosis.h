// What the kernel tells of a connection that no descriptor of ours leads to (sock_diag(7)).
#pragma once

#include <cstdint>
#include <optional>

#include "socket/address.h"

namespace tlspool::gate {

/// Whether the TCP socket with this SO_COOKIE is connected, or connecting, from `local` to `remote`
/// in our network namespace, whoever holds it. Nothing with errno if that cannot be told.
std::optional<bool> isConnection(uint64_t cookie, const socket::Address& local, const socket::Address& remote);

}  // namespace tlspool::gate
