// A process, as /proc tells of it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tlspool::process {

struct Program {
  pid_t pid = 0;
  pid_t parent = 0;
  /// Clock ticks from the start of the system to that of the process: with the pid it names the
  /// process for good.
  uint64_t started = 0;
  /// Real, effective, saved and file system ids, in this order.
  std::vector<uint32_t> uids;
  std::vector<uint32_t> gids;
  /// Supplementary groups.
  std::vector<uint32_t> groups;
  /// Path; empty if it may not be read.
  std::string executable;
  /// systemd unit of the system, not of a user's own manager; empty if there is none to tell.
  std::string unit;
};

/// All of one process: it was alive when the last of it was read (pidfd). Nothing with errno if it
/// is gone.
std::optional<Program> readProgram(pid_t pid);

/// Clock ticks from the start of the system to that of the process; 0 with errno if it is gone.
uint64_t readStart(pid_t pid);

/// Whether the process of a pidfd has ended.
bool hasEnded(int pidfd);

}  // namespace tlspool::process
