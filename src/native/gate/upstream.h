// The socket towards the real server, in the place of a program's own that waits at a gate.
#pragma once

#include "socket/address.h"
#include "socket/descriptor.h"

namespace tlspool::gate {

/// What the program set on its socket that would end the wait early; put back afterwards.
struct SetAside {
  /// TCP_USER_TIMEOUT, in ms; 0: the system's own.
  int userTimeout = 0;
  /// TCP_SYNCNT; the system's own if it was not set.
  int synRetries = 0;
};

struct Upstream {
  /// Connecting, non-blocking; empty if it failed.
  socket::Descriptor fd;
  /// Its own address, known as soon as it is connecting.
  socket::Address local;
  /// errno of what failed; 0 if nothing did.
  int error = 0;
  /// What was being done then: "SO_MARK", "bind", "connect".
  const char* step = "";
};

/// Starts connecting to `destination` with a new socket that has what the program set on `model`
/// and the network can tell: bound address and device, mark, priority, type of service, hops,
/// keepalive, time-outs, congestion control. Nothing of `model` changes.
Upstream connectLike(int model, const socket::Address& destination);

/// A TCP socket with the options, the bound address and the blocking of `model`, which is none;
/// empty with errno.
socket::Descriptor tcpLike(int model);

/// Makes `model` fit to wait at a gate: no device, no TCP Fast Open, no limit of its own to the
/// wait. False with errno if it cannot be.
bool prepareToWait(int model, SetAside* aside);

/// After the wait.
void putBack(int model, const SetAside& aside);

}  // namespace tlspool::gate
