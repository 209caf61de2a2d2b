// What the kernel knows of a socket, whoever holds it.
#pragma once

#include <cstdint>

#include "socket/address.h"

namespace tlspool::supervisor {

/// AF_SMC: TCP by another name (linux/smc.h), which would go round us.
constexpr int kSharedMemoryTcp = 43;

/// SO_COOKIE: names a socket for as long as the machine runs, whichever process and number it is
/// looked at through; 0 if it is none.
uint64_t cookieOf(int fd);

/// SO_NETNS_COOKIE: names its network namespace; 0 if it is no socket.
uint64_t networkOf(int fd);

/// A socket option that is a number; `otherwise` if it cannot be told.
int optionOf(int fd, int level, int name, int otherwise);

/// Whether it is, or becomes by connect(2) or accept(2), one end of a stream, of whatever family.
bool carriesStream(int fd);

/// getsockname(2); of no family if it fails.
socket::Address localAddressOf(int fd);
/// getpeername(2); of no family if it fails.
socket::Address remoteAddressOf(int fd);

/// IPv4 or IPv6.
bool isInternet(int family);

/// 0 for families without ports.
int portOf(const socket::Address& address);

}  // namespace tlspool::supervisor
