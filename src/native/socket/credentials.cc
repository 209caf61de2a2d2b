#include "socket/credentials.h"

#include <sys/socket.h>

#include <cerrno>

#include "process/program.h"
#include "socket/descriptor.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

namespace tlspool::socket {

namespace {

Descriptor peerProcess(int fd) {
  int process = -1;
  socklen_t length = sizeof process;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &process, &length) != 0) return {};
  return Descriptor(process);
}

std::vector<gid_t> peerGroups(int fd) {
  std::vector<gid_t> groups(32);
  for (;;) {
    socklen_t length = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    const bool told = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &length) == 0;
    if (!told && (errno != ERANGE || length <= groups.size() * sizeof(gid_t))) return {};
    groups.resize(length / sizeof(gid_t));
    if (told) return groups;
  }
}

}  // namespace

std::optional<Credentials> peerCredentials(int fd) {
  int domain = 0;
  socklen_t length = sizeof domain;
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0) return std::nullopt;
  if (domain != AF_UNIX) {
    errno = EAFNOSUPPORT;
    return std::nullopt;
  }
  ucred noted{};
  length = sizeof noted;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &noted, &length) != 0) return std::nullopt;
  Credentials result{noted.pid, noted.uid, noted.gid, peerGroups(fd), {}, {}, 0};
  if (noted.pid <= 0) return result;
  Descriptor peer = peerProcess(fd);
  auto program = process::readProgram(noted.pid);
  // Still the same process after the look: what was read is of our peer, not of a later owner of
  // the pid.
  if (!program || (peer && process::hasEnded(peer.number()))) return result;
  result.executable = program->executable;
  result.unit = program->unit;
  result.started = program->started;
  return result;
}

}  // namespace tlspool::socket
