// Who is at the other end of a UNIX socket.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tlspool::socket {

struct Credentials {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  /// Supplementary groups (SO_PEERGROUPS, Linux 4.13); empty where the kernel does not tell.
  std::vector<gid_t> groups;
  /// Path of the program that the process runs now; empty if it is gone or may not be read.
  std::string executable;
  /// systemd unit of the system that it is in; empty if there is none to tell.
  std::string unit;
  /// Clock ticks from the start of the system to that of the process; 0 if it is gone.
  uint64_t started = 0;
};

/// What SO_PEERCRED noted when the peer connected; nothing with errno for other sockets. The
/// executable is read through SO_PEERPIDFD where the kernel has it (Linux 6.5), as pids are reused.
std::optional<Credentials> peerCredentials(int fd);

}  // namespace tlspool::socket
