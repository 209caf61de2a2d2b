#include "socket/udp.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

namespace tlspool::socket {

namespace {

bool set(const Descriptor& fd, int level, int option, int value) {
  return setsockopt(fd.number(), level, option, &value, sizeof value) == 0;
}

Descriptor open(const Address& address, int ipv6Only) {
  Descriptor fd(::socket(address.family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP));
  if (!fd || address.family() != AF_INET6) return fd;
  return set(fd, IPPROTO_IPV6, IPV6_V6ONLY, ipv6Only) ? std::move(fd) : Descriptor();
}

bool isInternet(const Address& address) {
  return address.family() == AF_INET || address.family() == AF_INET6;
}

bool isSame(const Address& one, const Address& other) {
  if (one.family() != other.family()) return false;
  if (one.family() == AF_INET) {
    const auto& a = *reinterpret_cast<const sockaddr_in*>(one.get());
    const auto& b = *reinterpret_cast<const sockaddr_in*>(other.get());
    return a.sin_port == b.sin_port && a.sin_addr.s_addr == b.sin_addr.s_addr;
  }
  const auto& a = *reinterpret_cast<const sockaddr_in6*>(one.get());
  const auto& b = *reinterpret_cast<const sockaddr_in6*>(other.get());
  return a.sin6_port == b.sin6_port && IN6_ARE_ADDR_EQUAL(&a.sin6_addr, &b.sin6_addr);
}

}  // namespace

std::pair<Descriptor, Descriptor> messagePair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return {};
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

Descriptor bindUdp(const Address& address, bool ipv6Only) {
  Descriptor fd = open(address, ipv6Only);
  if (!fd || bind(fd.number(), address.get(), address.length) != 0) return {};
  // Only now: what was there before would have let it in otherwise.
  return set(fd, SOL_SOCKET, SO_REUSEPORT, true) ? std::move(fd) : Descriptor();
}

Descriptor bindBeside(int fd) {
  Address address;
  address.length = sizeof address.storage;
  if (getsockname(fd, address.get(), &address.length) != 0) return {};
  return bindBeside(fd, address);
}

Descriptor bindBeside(int fd, const Address& address) {
  int ipv6Only = 0;
  socklen_t length = sizeof ipv6Only;
  if (address.family() == AF_INET6 &&
      getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &ipv6Only, &length) != 0) {
    return {};
  }
  Descriptor made = open(address, ipv6Only);
  if (!made || !set(made, SOL_SOCKET, SO_REUSEPORT, true)) return {};
  if (bind(made.number(), address.get(), address.length) != 0) return {};
  return made;
}

bool connectUdp(int fd, const Address& peer) {
  return ::connect(fd, peer.get(), peer.length) == 0;
}

Address peerOf(int fd) {
  Address peer;
  peer.length = sizeof peer.storage;
  return getpeername(fd, peer.get(), &peer.length) == 0 ? peer : Address();
}

ssize_t receiveFrom(const Address& peer, int fd, void* data, size_t length, int flags) {
  for (;;) {
    Address sender;
    sender.length = sizeof sender.storage;
    ssize_t got = recvfrom(fd, data, length, flags, sender.get(), &sender.length);
    if (got < 0 || !isInternet(peer) || isSame(sender, peer)) return got;
  }
}

std::optional<Address> peekSender(int fd) {
  Address sender;
  sender.length = sizeof sender.storage;
  char first;
  ssize_t got;
  do {
    got = recvfrom(fd, &first, sizeof first, MSG_PEEK | MSG_DONTWAIT, sender.get(), &sender.length);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return std::nullopt;
  return sender;
}

}  // namespace tlspool::socket
