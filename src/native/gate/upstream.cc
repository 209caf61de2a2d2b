#include "gate/upstream.h"

#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#ifndef TCP_FASTOPEN_CONNECT
#define TCP_FASTOPEN_CONNECT 30
#endif

namespace tlspool::gate {

namespace {

using socket::Address;
using socket::Descriptor;

enum class Must { kSucceed, kTry };

struct Option {
  int level;
  int name;
  const char* word;
  /// Where a connection goes must be as the program wants it; how well it goes is tried.
  Must must;
};

constexpr Option kCarried[] = {
    {SOL_SOCKET, SO_MARK, "SO_MARK", Must::kSucceed},
    {IPPROTO_IP, IP_FREEBIND, "IP_FREEBIND", Must::kSucceed},
    {IPPROTO_IPV6, IPV6_V6ONLY, "IPV6_V6ONLY", Must::kSucceed},
    {IPPROTO_IP, IP_TRANSPARENT, "IP_TRANSPARENT", Must::kSucceed},
    {SOL_SOCKET, SO_PRIORITY, "SO_PRIORITY", Must::kTry},
    {SOL_SOCKET, SO_KEEPALIVE, "SO_KEEPALIVE", Must::kTry},
    {IPPROTO_IP, IP_TOS, "IP_TOS", Must::kTry},
    {IPPROTO_IP, IP_TTL, "IP_TTL", Must::kTry},
    {IPPROTO_IPV6, IPV6_TCLASS, "IPV6_TCLASS", Must::kTry},
    {IPPROTO_IPV6, IPV6_UNICAST_HOPS, "IPV6_UNICAST_HOPS", Must::kTry},
    {IPPROTO_TCP, TCP_KEEPIDLE, "TCP_KEEPIDLE", Must::kTry},
    {IPPROTO_TCP, TCP_KEEPINTVL, "TCP_KEEPINTVL", Must::kTry},
    {IPPROTO_TCP, TCP_KEEPCNT, "TCP_KEEPCNT", Must::kTry},
    {IPPROTO_TCP, TCP_USER_TIMEOUT, "TCP_USER_TIMEOUT", Must::kTry},
    {IPPROTO_TCP, TCP_SYNCNT, "TCP_SYNCNT", Must::kTry},
    {IPPROTO_TCP, TCP_MAXSEG, "TCP_MAXSEG", Must::kTry},
};

/// TCP_SYNCNT's largest value: with its back-off, longer than any handshake.
constexpr int kMostSynRetries = 127;

bool get(int fd, int level, int name, int* value) {
  socklen_t length = sizeof *value;
  return getsockopt(fd, level, name, value, &length) == 0;
}

bool set(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

/// The first option that could not be carried and had to be; nullptr if there is none.
const char* carryOptions(int model, int fd) {
  for (const Option& option : kCarried) {
    int wanted = 0;
    int present = 0;
    // What their family does not have is no option of theirs; multipath TCP tells of it all the
    // same.
    if (!get(model, option.level, option.name, &wanted)) continue;
    if (!get(fd, option.level, option.name, &present) || wanted == present) continue;
    if (!set(fd, option.level, option.name, wanted) && option.must == Must::kSucceed)
      return option.word;
  }
  return nullptr;
}

bool carryCongestionControl(int model, int fd) {
  char name[16] = {};
  socklen_t length = sizeof name;
  if (getsockopt(model, IPPROTO_TCP, TCP_CONGESTION, name, &length) != 0) return false;
  char present[16] = {};
  socklen_t presentLength = sizeof present;
  getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, present, &presentLength);
  return strncmp(name, present, sizeof name) == 0 ||
         setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, strnlen(name, sizeof name)) == 0;
}

/// The device that a socket is bound to; "" if none.
socklen_t deviceOf(int fd, char (&name)[IFNAMSIZ]) {
  socklen_t length = sizeof name;
  if (getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &length) != 0) return 0;
  return length;
}

bool carryDevice(int model, int fd) {
  char name[IFNAMSIZ] = {};
  socklen_t length = deviceOf(model, name);
  return length == 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, length) == 0;
}

bool isUnspecified(const Address& address) {
  if (address.family() == AF_INET6) {
    sockaddr_in6 six;
    memcpy(&six, &address.storage, sizeof six);
    return IN6_IS_ADDR_UNSPECIFIED(&six.sin6_addr);
  }
  sockaddr_in four;
  memcpy(&four, &address.storage, sizeof four);
  return four.sin_addr.s_addr == htonl(INADDR_ANY);
}

void anyPort(Address* address) {
  // sin_port and sin6_port are at the same place.
  sockaddr_in four;
  memcpy(&four, &address->storage, sizeof four);
  four.sin_port = 0;
  memcpy(&address->storage, &four, sizeof four);
}

/// The address that the program bound to; its port is the model's own while that lives.
bool carryBoundAddress(int model, int fd) {
  Address address;
  address.length = sizeof address.storage;
  if (getsockname(model, address.get(), &address.length) != 0) return false;
  if (isUnspecified(address)) return true;
  anyPort(&address);
  set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
  return bind(fd, address.get(), address.length) == 0;
}

Upstream failed(const char* step) { return {{}, {}, errno, step}; }

}  // namespace

Upstream connectLike(int model, const Address& destination) {
  int family = 0;
  if (!get(model, SOL_SOCKET, SO_DOMAIN, &family)) return failed("SO_DOMAIN");
  Descriptor fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
  if (!fd) return failed("socket");
  if (const char* option = carryOptions(model, fd.number())) return failed(option);
  carryCongestionControl(model, fd.number());
  if (!carryDevice(model, fd.number())) return failed("SO_BINDTODEVICE");
  if (!carryBoundAddress(model, fd.number())) return failed("bind");
  if (connect(fd.number(), destination.get(), destination.length) != 0 && errno != EINPROGRESS)
    return failed("connect");
  Upstream upstream;
  upstream.local.length = sizeof upstream.local.storage;
  if (getsockname(fd.number(), upstream.local.get(), &upstream.local.length) != 0)
    return failed("getsockname");
  upstream.fd = std::move(fd);
  return upstream;
}

socket::Descriptor tcpLike(int model) {
  int family = 0;
  int flags = fcntl(model, F_GETFL);
  if (flags < 0 || !get(model, SOL_SOCKET, SO_DOMAIN, &family)) return {};
  Descriptor fd(::socket(
      family, SOCK_STREAM | SOCK_CLOEXEC | (flags & O_NONBLOCK ? SOCK_NONBLOCK : 0), IPPROTO_TCP));
  if (!fd || carryOptions(model, fd.number()) || !carryDevice(model, fd.number())) return {};
  carryCongestionControl(model, fd.number());
  int undelayed = 0;
  if (get(model, IPPROTO_TCP, TCP_NODELAY, &undelayed))
    set(fd.number(), IPPROTO_TCP, TCP_NODELAY, undelayed);
  for (int option : {SO_SNDTIMEO, SO_RCVTIMEO}) {
    timeval limit{};
    socklen_t length = sizeof limit;
    if (getsockopt(model, SOL_SOCKET, option, &limit, &length) == 0)
      setsockopt(fd.number(), SOL_SOCKET, option, &limit, length);
  }
  return carryBoundAddress(model, fd.number()) ? std::move(fd) : Descriptor();
}

bool prepareToWait(int model, SetAside* aside) {
  get(model, IPPROTO_TCP, TCP_USER_TIMEOUT, &aside->userTimeout);
  get(model, IPPROTO_TCP, TCP_SYNCNT, &aside->synRetries);
  if (aside->userTimeout != 0) set(model, IPPROTO_TCP, TCP_USER_TIMEOUT, 0);
  set(model, IPPROTO_TCP, TCP_SYNCNT, kMostSynRetries);
  // Data in the SYN would be plaintext on its way before anything was decided.
  // A socket that is no longer fresh (EINVAL) sends none.
  if (!set(model, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 0) && errno != ENOPROTOOPT && errno != EINVAL)
    return false;
  char name[IFNAMSIZ] = {};
  return deviceOf(model, name) == 0 || setsockopt(model, SOL_SOCKET, SO_BINDTODEVICE, "", 0) == 0;
}

void putBack(int model, const SetAside& aside) {
  if (aside.userTimeout != 0) set(model, IPPROTO_TCP, TCP_USER_TIMEOUT, aside.userTimeout);
  if (aside.synRetries != 0) set(model, IPPROTO_TCP, TCP_SYNCNT, aside.synRetries);
}

}  // namespace tlspool::gate
