// Who is at the other end of a UNIX socket.
#pragma once

#include <sys/types.h>

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
};

/// What SO_PEERCRED noted when the peer connected; nothing with errno for other sockets. The
/// executable is read through SO_PEERPIDFD where the kernel has it (Linux 6.5), as pids are reused.
std::optional<Credentials> peerCredentials(int fd);

}  // namespace tlspool::socket
