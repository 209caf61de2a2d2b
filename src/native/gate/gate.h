// Where a program's connecting socket waits until TLS with the real server is settled: a local
// listener that never answers a SYN, because a socket filter drops them all or its queue is full.
// The socket stays in SYN_SENT, just as towards a server that is slow to answer, and everything that
// the program did to it before or does meanwhile (O_NONBLOCK, poll, epoll) works as the kernel
// defines it.
//
// The end of the wait is a simultaneous open (RFC 9293 section 3.5, figure 7): a second socket,
// bound to the gate's own address, connects to the waiting one.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "socket/address.h"
#include "socket/descriptor.h"

namespace tlspool::gate {

class Gate {
 public:
  /// A gate at an address of this machine, 127.0.0.1 for one; nothing with errno.
  static std::optional<Gate> open(const std::string& host);

  const socket::Address& address() const { return address_; }

  /// Starts connecting `waiting` to the gate; 0, or the errno. O_NONBLOCK of the socket is as
  /// before.
  int hold(int waiting) const;

  /// The other end for a socket that waits here and is bound to `waiting`: non-blocking, and
  /// connected or about to be (then it is writable when SO_ERROR tells the outcome). Empty with
  /// errno on failure. Whether it met the right socket is the caller's to check with `meets`.
  socket::Descriptor complete(const socket::Address& waiting) const;

  /// Whether `waiting` is connected, and its peer is this gate: so the other end is what `complete`
  /// made, and nobody else's.
  bool meets(int waiting) const;

 private:
  Gate(socket::Descriptor listener, const socket::Address& address)
      : listener_(std::move(listener)), address_(address) {}

  socket::Descriptor listener_;
  socket::Address address_;
};

/// SO_COOKIE: what names a socket, whichever process and number it is looked at through; 0 if it is
/// none.
uint64_t cookieOf(int fd);

}  // namespace tlspool::gate
