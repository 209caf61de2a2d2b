// A connecting socket of the program from its connect() on: it waits at the gate, while another one
// connects to the real server.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "gate/gate.h"
#include "gate/upstream.h"

namespace tlspool::gate {

struct Wait {
  /// Connecting to the real server; empty if the wait could not begin.
  socket::Descriptor upstream;
  /// Where the program's socket waits.
  socket::Address waiting;
  /// What was set aside for the wait.
  SetAside aside;
  /// errno of what failed; 0 if nothing did.
  int error = 0;
  /// What was being done then: those of Upstream, or "gate".
  const char* step = "";
};

/// A program's socket that waits, as a thread of the program has it.
struct WaitingSocket {
  pid_t thread = 0;
  /// Its number there.
  int descriptor = -1;
  uint64_t cookie = 0;
  /// Where it waits.
  socket::Address address = {};
  SetAside aside = {};
};

/// Lets `fd` wait, and remembers what the program is told of it meanwhile (Outgoing). After a
/// failure all is as it was.
Wait beginWait(const Gate& gate, int fd, uint64_t cookie, const socket::Address& destination);

/// Whether `end`, which Gate::complete made, and the program's socket have met already; what was
/// set aside is put back then. False if that cannot be told at once, and nothing is changed.
bool haveMet(const Gate& gate, int end, const WaitingSocket& waiting);

/// Whether a connecting socket is connected by now. Its error is not taken from it.
bool isEstablished(int fd);

}  // namespace tlspool::gate
