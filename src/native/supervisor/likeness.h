// Sockets that take the place of the program's own and have its options.
#pragma once

#include "socket/address.h"
#include "socket/descriptor.h"

namespace tlspool::supervisor {

/// A listener for clients, where the program's bound socket `model` is: in its place, because
/// `model` itself must never listen (a duplicate of it somewhere would then accept what is not
/// plaintext). Non-blocking. Empty with the errno that listen(2) may give.
socket::Descriptor listenInPlaceOf(int model);

/// A listener in the private network, at the address of `model`, with its options and its blocking.
/// Empty with errno.
socket::Descriptor listenInside(int model);

/// Both ends of a client's connection.
struct Path {
  socket::Address client;
  socket::Address server;
};

/// Of a connected socket; without lengths if it is none (any more).
Path pathOf(int accepted);

/// A connection in the private network between the addresses of a client's, whose place it takes:
/// non-blocking, connected or about to be. Empty with errno; ECONNREFUSED: nobody listens there.
socket::Descriptor connectInside(const Path& path);

}  // namespace tlspool::supervisor
