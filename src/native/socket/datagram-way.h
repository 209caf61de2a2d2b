// Datagrams of a UDP socket that is not connected, each with both of its addresses: a host has
// several, and an answer that comes from another one than was asked is not taken for one.
#pragma once

#include <sys/types.h>

#include <cstddef>

#include "socket/address.h"
#include "socket/descriptor.h"

namespace tlspool::socket {

struct DatagramWay {
  Address remote;
  /// Ours, with the socket's port.
  Address local;
};

/// From now on the socket tells of each datagram to which address it came (ip(7), ipv6(7)).
bool tellWays(int fd);

/// Bytes of the next datagram, of which no more than `length` are put down; -1 with errno. It needs
/// `tellWays`.
ssize_t receiveAny(int fd, void* data, size_t length, DatagramWay* way);

/// Sends back to where a datagram came from, from where it came to. False with errno: it is lost.
bool sendBack(int fd, const void* data, size_t length, const DatagramWay& way);

/// Another socket, beside one of `bindUdp`, for all that comes this way. What comes between its
/// making and its connection may be somebody else's.
Descriptor connectWay(int fd, const DatagramWay& way);

}  // namespace tlspool::socket
