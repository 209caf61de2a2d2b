// Sockets made and taken: pairs, listeners, connections. All are close-on-exec; each function gives
// an empty descriptor on failure and leaves the reason in errno.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "socket/address.h"
#include "socket/descriptor.h"

namespace tlspool::socket {

struct ListenOptions {
  int backlog = 511;
  bool reusePort = false;
  /// Only for IPv6 addresses: do not take IPv4 connections too.
  bool ipv6Only = false;
};

/// A connected pair of blocking UNIX stream sockets.
std::pair<Descriptor, Descriptor> pair();

/// A non-blocking listener.
Descriptor listen(const Address& address, const ListenOptions& options);

/// A non-blocking socket whose connection may still be in progress (TCP): it is writable once the
/// outcome is known, and SO_ERROR tells it. A UNIX listener whose queue is full gives EAGAIN at
/// once.
Descriptor connect(const Address& address);

struct Connection {
  /// Non-blocking; empty with errno.
  Descriptor fd;
  /// Else it is about to be: writable once SO_ERROR tells the outcome.
  bool established = false;
};

/// Connects a non-blocking socket. Within this machine the outcome is known at once, unless the
/// kernel is behind with its work; EAGAIN as of `connect`.
Connection connectNow(Descriptor fd, const Address& address);
Connection connectNow(const Address& address);

/// The errno of what became of a connection in progress (SO_ERROR, which is taken from it); 0: it
/// is established.
int outcomeOf(int connecting);

/// The next connection of a non-blocking listener, itself non-blocking. Connections that failed
/// while they were queued are passed over.
Descriptor accept(int listener);

}  // namespace tlspool::socket
