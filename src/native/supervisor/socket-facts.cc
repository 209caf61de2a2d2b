#include "supervisor/socket-facts.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace tlspool::supervisor {

namespace {

#ifndef SO_NETNS_COOKIE
constexpr int SO_NETNS_COOKIE = 71;  // Linux 5.14
#endif

uint64_t longOption(int fd, int name) {
  uint64_t value = 0;
  socklen_t length = sizeof value;
  return getsockopt(fd, SOL_SOCKET, name, &value, &length) == 0 ? value : 0;
}

}  // namespace

uint64_t cookieOf(int fd) { return longOption(fd, SO_COOKIE); }
uint64_t networkOf(int fd) { return longOption(fd, SO_NETNS_COOKIE); }

int optionOf(int fd, int level, int name, int otherwise) {
  int value = 0;
  socklen_t length = sizeof value;
  return getsockopt(fd, level, name, &value, &length) == 0 ? value : otherwise;
}

bool carriesStream(int fd) {
  int type = optionOf(fd, SOL_SOCKET, SO_TYPE, 0);
  return type == SOCK_STREAM || type == SOCK_SEQPACKET;
}

socket::Address localAddressOf(int fd) {
  socket::Address address;
  address.length = sizeof address.storage;
  if (getsockname(fd, address.get(), &address.length) != 0) return {};
  return address;
}

socket::Address remoteAddressOf(int fd) {
  socket::Address address;
  address.length = sizeof address.storage;
  if (getpeername(fd, address.get(), &address.length) != 0) return {};
  return address;
}

bool isInternet(int family) { return family == AF_INET || family == AF_INET6; }

int portOf(const socket::Address& address) {
  if (address.family() == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in*>(address.get())->sin_port);
  }
  if (address.family() == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6*>(address.get())->sin6_port);
  }
  return 0;
}

}  // namespace tlspool::supervisor
