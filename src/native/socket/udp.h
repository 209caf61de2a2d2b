// UDP sockets, and pairs that keep the boundaries of messages. All are close-on-exec; each function
// that gives a descriptor gives an empty one on failure and leaves the reason in errno.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <utility>

#include "socket/address.h"
#include "socket/descriptor.h"

namespace tlspool::socket {

/// A connected pair of blocking UNIX sockets (SOCK_SEQPACKET).
std::pair<Descriptor, Descriptor> messagePair();

/// A non-blocking UDP socket on a port that must be free. @param ipv6Only only for IPv6 addresses:
/// not to take IPv4 too
Descriptor bindUdp(const Address& address, bool ipv6Only);

/// Another one at the same place, for the same user (SO_REUSEPORT).
Descriptor bindBeside(int fd);
/// Another one at one of the addresses that it has.
Descriptor bindBeside(int fd, const Address& address);

/// From now on the socket hears this peer only; what it holds already stays in it.
bool connectUdp(int fd, const Address& peer);

/// Of a connected socket; without a length if it is none.
Address peerOf(int fd);

/// recv(2) of the next datagram of its peer, of any connected socket: one of UDP holds what others
/// sent before it was connected, which is thrown away.
ssize_t receiveFrom(const Address& peer, int fd, void* data, size_t length, int flags);

/// Who sent the next datagram, which stays where it is; nothing: none is there now.
std::optional<Address> peekSender(int fd);

}  // namespace tlspool::socket
