// Whether the kernel lets us do to the program what its supervision takes, tried on the process
// that is about to become it.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace tlspool::supervisor {

struct Probe {
  /// What failed, as the system calls it; nullptr if all is well.
  const char* capability = nullptr;
  int error = 0;
};

/// @param channel the filter's notification descriptor
/// @param process has the descriptor `fd`, and the eight bytes of `secret` at `address`
Probe probe(int channel, pid_t process, int fd, uint64_t address, uint64_t secret);

}  // namespace tlspool::supervisor
