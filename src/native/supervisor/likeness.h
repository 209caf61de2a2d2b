// Sockets that take the place of the program's own and have its options.
#pragma once

#include "socket/address.h"
#include "socket/descriptor.h"
#include "socket/opening.h"

namespace tlspool::supervisor {

/// A listener for clients, where the program's bound socket `model` is: in its place, because
/// `model` itself must never listen (a duplicate of it somewhere would then accept what is not
/// plaintext). Non-blocking. Empty with the errno that listen(2) may give.
socket::Descriptor listenInPlaceOf(int model);

/// A listener in the private network, at the address of `model`, with its options and its blocking.
/// Empty with errno.
socket::Descriptor listenInside(int model);

/// A UDP socket in the private network with the port, the options and the blocking of `model`, or
/// with a port of its own if it has none; not connected. Empty with errno.
socket::Descriptor datagramInside(int model);

/// A UDP socket in the private network at the address of a name server, non-blocking, for what asks
/// it there. Empty with errno.
socket::Descriptor nameServerInside(const socket::Address& server);

/// Both ends of a client's connection.
struct Path {
  socket::Address client;
  socket::Address server;
};

/// Of a connected socket; without lengths if it is none (any more).
Path pathOf(int accepted);

/// In the private network, between the addresses of a client's connection, whose place it takes;
/// ECONNREFUSED says that nobody listens there.
socket::Connection connectInside(const Path& path);

}  // namespace tlspool::supervisor
