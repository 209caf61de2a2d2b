#include "supervisor/likeness.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstring>

#include "supervisor/private-network.h"
#include "supervisor/socket-facts.h"

namespace tlspool::supervisor {

namespace {

using socket::Address;
using socket::Descriptor;

/// Limited by net.core.somaxconn; the program's own backlog would only drop clients that are
/// through.
constexpr int kBacklog = 65535;

struct Option {
  int level;
  int name;
};

bool set(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

/// What was not set has its default there too. What cannot be set here is left out.
void copyNumber(int from, int to, const Option& option) {
  int value = optionOf(from, option.level, option.name, -1);
  if (value < 0 || value == optionOf(to, option.level, option.name, -1)) return;
  set(to, option.level, option.name, value);
}

/// What the network sees of a listener: it belongs to the socket that clients connect to.
constexpr Option kOutside[] = {
    {IPPROTO_IPV6, IPV6_V6ONLY},
    {SOL_SOCKET, SO_REUSEPORT},
    {SOL_SOCKET, SO_MARK},
    {SOL_SOCKET, SO_PRIORITY},
    {IPPROTO_IP, IP_TOS},
    {IPPROTO_IP, IP_TTL},
    {IPPROTO_IP, IP_FREEBIND},
    {IPPROTO_IP, IP_TRANSPARENT},
    {IPPROTO_IPV6, IPV6_TCLASS},
    {IPPROTO_IPV6, IPV6_UNICAST_HOPS},
    {IPPROTO_TCP, TCP_MAXSEG},
    {SOL_SOCKET, SO_KEEPALIVE},
    {IPPROTO_TCP, TCP_KEEPIDLE},
    {IPPROTO_TCP, TCP_KEEPINTVL},
    {IPPROTO_TCP, TCP_KEEPCNT},
    {IPPROTO_TCP, TCP_USER_TIMEOUT},
    {IPPROTO_TCP, TCP_DEFER_ACCEPT},
    {SOL_SOCKET, SO_INCOMING_CPU},
};

/// What the program may ask back, or sees in how its own calls behave; accepted sockets inherit it.
constexpr Option kInside[] = {
    {IPPROTO_IPV6, IPV6_V6ONLY},     {SOL_SOCKET, SO_REUSEPORT}, {SOL_SOCKET, SO_KEEPALIVE},
    {SOL_SOCKET, SO_OOBINLINE},      {SOL_SOCKET, SO_RCVLOWAT},  {SOL_SOCKET, SO_PRIORITY},
    {SOL_SOCKET, SO_MARK},           {IPPROTO_IP, IP_TOS},       {IPPROTO_IP, IP_TTL},
    {IPPROTO_IPV6, IPV6_TCLASS},     {IPPROTO_TCP, TCP_NODELAY}, {IPPROTO_TCP, TCP_KEEPIDLE},
    {IPPROTO_TCP, TCP_KEEPINTVL},    {IPPROTO_TCP, TCP_KEEPCNT}, {IPPROTO_TCP, TCP_USER_TIMEOUT},
    {IPPROTO_TCP, TCP_DEFER_ACCEPT}, {IPPROTO_TCP, TCP_LINGER2}, {IPPROTO_TCP, TCP_QUICKACK},
};

/// How a resolver is told of errors, and of where answers came from.
constexpr Option kOfDatagrams[] = {
    {IPPROTO_IPV6, IPV6_V6ONLY},      {IPPROTO_IP, IP_RECVERR},  {IPPROTO_IPV6, IPV6_RECVERR},
    {IPPROTO_IPV6, IPV6_RECVPKTINFO}, {IPPROTO_IP, IP_PKTINFO},
};

template <typename Value>
void copyValue(int from, int to, int name) {
  Value value{};
  socklen_t length = sizeof value;
  if (getsockopt(from, SOL_SOCKET, name, &value, &length) == 0) {
    setsockopt(to, SOL_SOCKET, name, &value, length);
  }
}

void copyBuffers(int from, int to) {
  for (int name : {SO_SNDBUF, SO_RCVBUF}) {
    // The kernel tells twice what was asked for (socket(7)).
    int value = optionOf(from, SOL_SOCKET, name, -1);
    if (value > 0 && value != optionOf(to, SOL_SOCKET, name, -1)) {
      set(to, SOL_SOCKET, name, value / 2);
    }
  }
}

void copyDevice(int from, int to) {
  char name[64];
  socklen_t length = sizeof name;
  if (getsockopt(from, SOL_SOCKET, SO_BINDTODEVICE, name, &length) == 0 && length > 0) {
    setsockopt(to, SOL_SOCKET, SO_BINDTODEVICE, name, length);
  }
}

/// Interfaces have other numbers in the private network: link-local addresses belong to its only
/// one.
Address withoutScope(Address address) {
  if (address.family() != AF_INET6) return address;
  auto* name = reinterpret_cast<sockaddr_in6*>(address.get());
  constexpr uint32_t kLoopback = 1;
  if (name->sin6_scope_id != 0) name->sin6_scope_id = kLoopback;
  return address;
}

void setPort(Address* address, in_port_t port) {
  if (address->family() == AF_INET) {
    reinterpret_cast<sockaddr_in*>(address->get())->sin_port = port;
  } else {
    reinterpret_cast<sockaddr_in6*>(address->get())->sin6_port = port;
  }
}

bool bindAnywhere(int fd, const Address& address) {
  // Every address of the private network is local, which IPv6 does not take for granted.
  if (address.family() == AF_INET6) set(fd, SOL_IPV6, IPV6_FREEBIND, 1);
  return bind(fd, address.get(), address.length) == 0;
}

socket::Connection begin(Descriptor fd, const Address& server) {
  // TLS knows no urgent data: what the program sends so goes on in its place, and not to nowhere.
  set(fd.number(), SOL_SOCKET, SO_OOBINLINE, 1);
  return socket::connectNow(std::move(fd), server);
}

}  // namespace

Descriptor listenInPlaceOf(int model) {
  Address address = localAddressOf(model);
  Descriptor fd(
      ::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
  if (!fd) return {};
  for (const Option& option : kOutside) copyNumber(model, fd.number(), option);
  copyBuffers(model, fd.number());
  copyDevice(model, fd.number());
  // Both may be bound to the port, as long as only one of them listens (socket(7)).
  if (!set(model, SOL_SOCKET, SO_REUSEADDR, 1) || !set(fd.number(), SOL_SOCKET, SO_REUSEADDR, 1)) {
    return {};
  }
  if (bind(fd.number(), address.get(), address.length) != 0) return {};
  if (listen(fd.number(), kBacklog) != 0) return {};
  return fd;
}

Descriptor listenInside(int model) {
  Address address = localAddressOf(model);
  Descriptor fd = PrivateNetwork::instance().take(address.family());
  if (!fd) return {};
  for (const Option& option : kInside) copyNumber(model, fd.number(), option);
  copyBuffers(model, fd.number());
  copyValue<timeval>(model, fd.number(), SO_RCVTIMEO);
  copyValue<timeval>(model, fd.number(), SO_SNDTIMEO);
  copyValue<linger>(model, fd.number(), SO_LINGER);
  set(fd.number(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (!bindAnywhere(fd.number(), withoutScope(address))) return {};
  if (listen(fd.number(), kBacklog) != 0) return {};
  int flags = fcntl(model, F_GETFL);
  if (flags >= 0 && fcntl(fd.number(), F_SETFL, flags & (O_NONBLOCK | O_ASYNC)) != 0) return {};
  return fd;
}

Descriptor datagramInside(int model) {
  Address address = localAddressOf(model);
  Descriptor fd = PrivateNetwork::instance().takeDatagram(address.family());
  if (!fd) return {};
  for (const Option& option : kOfDatagrams) copyNumber(model, fd.number(), option);
  copyBuffers(model, fd.number());
  copyValue<timeval>(model, fd.number(), SO_RCVTIMEO);
  copyValue<timeval>(model, fd.number(), SO_SNDTIMEO);
  if (!bindAnywhere(fd.number(), withoutScope(address))) {
    setPort(&address, 0);
    if (!bindAnywhere(fd.number(), withoutScope(address))) return {};
  }
  int flags = fcntl(model, F_GETFL);
  if (flags >= 0 && fcntl(fd.number(), F_SETFL, flags & (O_NONBLOCK | O_ASYNC)) != 0) return {};
  return fd;
}

Descriptor nameServerInside(const Address& server) {
  Descriptor fd = PrivateNetwork::instance().takeDatagram(server.family());
  if (fd && bindAnywhere(fd.number(), withoutScope(server))) return fd;
  return {};
}

Path pathOf(int accepted) { return {remoteAddressOf(accepted), localAddressOf(accepted)}; }

socket::Connection connectInside(const Path& path) {
  Address client = withoutScope(path.client);
  Address server = withoutScope(path.server);
  Descriptor fd = PrivateNetwork::instance().take(client.family());
  if (!fd) return {};
  set(fd.number(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (bindAnywhere(fd.number(), client)) {
    socket::Connection connection = begin(std::move(fd), server);
    if (connection.fd || errno != EADDRNOTAVAIL) return connection;
  }
  // The client uses its port again while the program still has its last connection, or listens on
  // the same number itself: the program is told the right address then, with another port.
  fd = PrivateNetwork::instance().take(client.family());
  if (!fd) return {};
  setPort(&client, 0);
  if (!bindAnywhere(fd.number(), client)) return {};
  return begin(std::move(fd), server);
}

}  // namespace tlspool::supervisor
