#include "socket/opening.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

namespace tlspool::socket {

namespace {

Descriptor open(const Address& address) {
  return Descriptor(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

bool enable(const Descriptor& fd, int level, int option, bool on = true) {
  int value = on;
  return setsockopt(fd.number(), level, option, &value, sizeof value) == 0;
}

bool prepare(const Descriptor& fd, const Address& address, const ListenOptions& options) {
  if (address.family() == AF_UNIX) return true;
  if (!enable(fd, SOL_SOCKET, SO_REUSEADDR)) return false;
  if (options.reusePort && !enable(fd, SOL_SOCKET, SO_REUSEPORT)) return false;
  return address.family() != AF_INET6 || enable(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6Only);
}

}  // namespace

std::pair<Descriptor, Descriptor> pair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return {};
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

Descriptor listen(const Address& address, const ListenOptions& options) {
  Descriptor fd = open(address);
  if (!fd || !prepare(fd, address, options)) return {};
  if (bind(fd.number(), address.get(), address.length) != 0) return {};
  if (::listen(fd.number(), options.backlog) != 0) return {};
  return fd;
}

Descriptor connect(const Address& address) {
  Descriptor fd = open(address);
  if (!fd) return {};
  if (::connect(fd.number(), address.get(), address.length) != 0 && errno != EINPROGRESS) return {};
  return fd;
}

Connection connectNow(Descriptor fd, const Address& address) {
  if (!fd) return {};
  if (::connect(fd.number(), address.get(), address.length) == 0) return {std::move(fd), true};
  int error = errno;
  if (error == EINPROGRESS) {
    pollfd state{fd.number(), POLLOUT, 0};
    if (poll(&state, 1, 0) <= 0) return {std::move(fd), false};
    error = outcomeOf(fd.number());
    if (error == 0) return {std::move(fd), true};
  }
  fd.reset();
  errno = error;
  return {};
}

Connection connectNow(const Address& address) { return connectNow(open(address), address); }

int outcomeOf(int connecting) {
  int error = 0;
  socklen_t length = sizeof error;
  return getsockopt(connecting, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

Descriptor accept(int listener) {
  for (;;) {
    Descriptor fd(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (fd) return fd;
    if (errno != EINTR && errno != ECONNABORTED && errno != EPROTO) return {};
  }
}

}  // namespace tlspool::socket
