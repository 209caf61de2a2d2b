#include "gate/gate.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace tlspool::gate {

namespace {

using socket::Address;
using socket::Descriptor;

bool set(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

bool enable(int fd, int level, int option) { return set(fd, level, option, 1); }

/// A socket that shares the gate's address with the others of this user (SO_REUSEPORT).
Descriptor bound(const Address& address) {
  Descriptor fd(
      ::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
  // Mapped addresses are for both families, whatever net.ipv6.bindv6only says.
  if (fd && address.family() == AF_INET6) set(fd.number(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (!fd || !enable(fd.number(), SOL_SOCKET, SO_REUSEADDR) ||
      !enable(fd.number(), SOL_SOCKET, SO_REUSEPORT) ||
      bind(fd.number(), address.get(), address.length) != 0)
    return {};
  return fd;
}

/// Connections that a listener has ready and that nobody has accepted.
unsigned waitingAt(int listener) {
  tcp_info info{};
  socklen_t length = sizeof info;
  if (getsockopt(listener, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return 0;
  return info.tcpi_unacked;
}

/// Puts one connection into a queue that has room for no more: the kernel drops every SYN from then
/// on. For those who may not attach filters (some kernels want CAP_NET_ADMIN for that).
bool fillQueue(int listener, const Address& address) {
  Descriptor filler(
      ::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
  if (!filler) return false;
  if (connect(filler.number(), address.get(), address.length) != 0 && errno != EINPROGRESS)
    return false;
  // It stays in the queue after its own end. Whoever else came first is as good.
  constexpr int kPatience = 1000;
  pollfd connected = {filler.number(), POLLOUT, 0};
  poll(&connected, 1, kPatience);
  if (waitingAt(listener) > 0) return true;
  errno = ETIMEDOUT;
  return false;
}

bool dropEverything(int fd) {
  sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
  sock_fprog program{1, &drop};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

/// Compared without what the kernel fills in besides.
bool samePlace(const Address& one, const Address& other) {
  if (one.family() != other.family()) return false;
  if (one.family() == AF_INET6) {
    sockaddr_in6 left;
    sockaddr_in6 right;
    memcpy(&left, &one.storage, sizeof left);
    memcpy(&right, &other.storage, sizeof right);
    return left.sin6_port == right.sin6_port &&
           memcmp(&left.sin6_addr, &right.sin6_addr, sizeof left.sin6_addr) == 0;
  }
  sockaddr_in left;
  sockaddr_in right;
  memcpy(&left, &one.storage, sizeof left);
  memcpy(&right, &other.storage, sizeof right);
  return left.sin_port == right.sin_port && left.sin_addr.s_addr == right.sin_addr.s_addr;
}

}  // namespace

std::optional<Gate> Gate::open(const std::string& host) {
  auto address = socket::ipAddress(host, 0);
  if (!address) {
    errno = EAFNOSUPPORT;
    return std::nullopt;
  }
  Descriptor listener = bound(*address);
  if (!listener) return std::nullopt;
  // The filter is there before the first SYN can be.
  bool filtered = dropEverything(listener.number());
  if (!filtered && errno != EPERM) return std::nullopt;
  if (listen(listener.number(), 0) != 0) return std::nullopt;
  if (getsockname(listener.number(), address->get(), &address->length) != 0) return std::nullopt;
  if (!filtered && !fillQueue(listener.number(), *address)) return std::nullopt;
  return Gate(std::move(listener), *address);
}

int Gate::hold(int waiting) const {
  int flags = fcntl(waiting, F_GETFL);
  if (flags < 0) return errno;
  bool blocking = (flags & O_NONBLOCK) == 0;
  if (blocking && fcntl(waiting, F_SETFL, flags | O_NONBLOCK) != 0) return errno;
  int result = connect(waiting, address_.get(), address_.length) == 0 ? EISCONN : errno;
  if (blocking) fcntl(waiting, F_SETFL, flags);
  return result == EINPROGRESS ? 0 : result;
}

Descriptor Gate::complete(const Address& waiting) const {
  Descriptor fd = bound(address_);
  if (!fd) return {};
  // TLS knows no urgent data: what the program sends so goes on in its place, and not to nowhere.
  enable(fd.number(), SOL_SOCKET, SO_OOBINLINE);
  if (connect(fd.number(), waiting.get(), waiting.length) != 0 && errno != EINPROGRESS) return {};
  return fd;
}

bool Gate::meets(int waiting) const {
  // While it is in SYN_SENT, and after it failed, it has no peer (ENOTCONN).
  Address peer;
  peer.length = sizeof peer.storage;
  return getpeername(waiting, peer.get(), &peer.length) == 0 && samePlace(peer, address_);
}

}  // namespace tlspool::gate
