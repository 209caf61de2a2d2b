#include "socket/kind.h"

#include <netinet/in.h>
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

/// -1 for what is no socket.
int option(int fd, int name) {
  int value = 0;
  socklen_t length = sizeof value;
  return getsockopt(fd, SOL_SOCKET, name, &value, &length) == 0 ? value : -1;
}

bool isConnected(int fd) {
  sockaddr_storage peer{};
  socklen_t length = sizeof peer;
  return getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) == 0;
}

/// What it is instead of a socket; "" for sockets.
std::string whyNoSocket(int fd) {
  struct stat status {};
  if (fstat(fd, &status) != 0) return "it is not open";
  return S_ISSOCK(status.st_mode) ? "" : kindOf(status.st_mode);
}

}  // namespace

std::string whyUnusable(int fd) {
  // Two system calls say it of almost all: only sockets have a type, only connected ones a peer.
  int type = option(fd, SO_TYPE);
  if (type == SOCK_STREAM && isConnected(fd)) return {};
  std::string otherwise = whyNoSocket(fd);
  if (!otherwise.empty()) return otherwise;
  if (type == SOCK_DGRAM) return "it is a datagram socket";
  if (type != SOCK_STREAM) return "it is not a stream socket";
  return option(fd, SO_ACCEPTCONN) > 0 ? "it is a listening socket" : "it is not connected";
}

bool knowsReset(int fd) {
  int protocol = option(fd, SO_PROTOCOL);
  return protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP;
}

std::string whyNotUdp(int fd) {
  std::string otherwise = whyNoSocket(fd);
  if (!otherwise.empty()) return otherwise;
  if (option(fd, SO_TYPE) == SOCK_STREAM) return "it is a stream socket";
  if (option(fd, SO_PROTOCOL) != IPPROTO_UDP) return "it is not a UDP socket";
  return isConnected(fd) ? "" : "it is not connected";
}

std::string whyNotDatagrams(int fd) {
  std::string otherwise = whyNoSocket(fd);
  if (!otherwise.empty()) return otherwise;
  int type = option(fd, SO_TYPE);
  if (type == SOCK_STREAM) return "it is a stream socket, in which datagrams lose their boundaries";
  if (type != SOCK_DGRAM && type != SOCK_SEQPACKET) return "it is not a datagram socket";
  return isConnected(fd) ? "" : "it is not connected";
}

}  // namespace tlspool::socket
