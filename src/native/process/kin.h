// Whose thread a task is, and whose child its process: what is asked about a program at every
// connection that it makes, and so without reading text from /proc where the kernel tells it in one
// word (PIDFD_GET_INFO, Linux 6.13).
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace tlspool::process {

struct Kin {
  /// Process (thread group) of the task; 0 if it is gone.
  pid_t process = 0;
  /// Its parent's; 0 if there is none to be seen from here.
  pid_t parent = 0;
};

/// @param task a process, or one of its threads
Kin kinOf(pid_t task);

/// Clock ticks from the start of the system to that of the process; 0 if it is gone. Remembered for
/// as long as the process lives, which its pidfd tells: a number that is used again is another
/// process. Any thread.
uint64_t startOf(pid_t process);

}  // namespace tlspool::process
