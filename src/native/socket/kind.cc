#include "socket/kind.h"

#include <sys/socket.h>
#include <sys/stat.h>

namespace tlspool::socket {

namespace {

const char* kindOf(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFIFO:
      return "it is a pipe";
    case S_IFREG:
      return "it is a file";
    case S_IFDIR:
      return "it is a directory";
    case S_IFCHR:
      return "it is a character device";
    case S_IFBLK:
      return "it is a block device";
    default:
      return "it is not a socket";
  }
}

/// Two system calls say it of almost all: only sockets have a type, only connected ones a peer.
bool isConnectedStream(int fd) {
  int type = 0;
  socklen_t length = sizeof type;
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) != 0 || type != SOCK_STREAM) return false;
  sockaddr_storage peer{};
  length = sizeof peer;
  return getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) == 0;
}

}  // namespace

std::string whyUnusable(int fd) {
  if (isConnectedStream(fd)) return {};
  struct stat status {};
  if (fstat(fd, &status) != 0) return "it is not open";
  if (!S_ISSOCK(status.st_mode)) return kindOf(status.st_mode);
  int type = 0;
  socklen_t length = sizeof type;
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) != 0) return "it is not a socket";
  if (type == SOCK_DGRAM) return "it is a datagram socket";
  if (type != SOCK_STREAM) return "it is not a stream socket";
  int listening = 0;
  length = sizeof listening;
  if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) == 0 && listening) {
    return "it is a listening socket";
  }
  return "it is not connected";
}

}  // namespace tlspool::socket
