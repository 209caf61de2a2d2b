#include "supervisor/connection-kind.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "supervisor/socket-facts.h"

namespace tlspool::supervisor {

namespace {

using socket::Address;
using Kind = ConnectionKind;

#ifndef IPPROTO_MPTCP
constexpr int IPPROTO_MPTCP = 262;
#endif
constexpr int kDnsPort = 53;
/// Below are ports of servers, which may answer one that asks from port 53.
constexpr int kFirstPortOfClients = 1024;

/// The sockets of nscd and systemd-resolved. The C library asks the name servers itself when these
/// refuse (nscd(8), nss-resolve(8)).
bool isNameCache(const Address& address) {
  sockaddr_un name{};
  memcpy(&name, &address.storage, std::min<size_t>(address.length, sizeof name));
  std::string_view path(name.sun_path, strnlen(name.sun_path, sizeof name.sun_path));
  return path.ends_with("/nscd/socket") || path.find("/systemd/resolve/") != path.npos;
}

/// What a UDP socket is to send to a name server.
bool isQuestion(int fd, const Address& server) {
  if (optionOf(fd, SOL_SOCKET, SO_PROTOCOL, 0) != IPPROTO_UDP) return false;
  int own = portOf(localAddressOf(fd));
  return portOf(server) == kDnsPort && (own == 0 || own >= kFirstPortOfClients);
}

}  // namespace

ConnectionKind connectionKind(int fd, const Address& address) {
  int family = optionOf(fd, SOL_SOCKET, SO_DOMAIN, AF_UNSPEC);
  if (family == AF_UNIX) return isNameCache(address) ? Kind::nameCache : Kind::other;
  if (family == kSharedMemoryTcp || family == AF_RDS) return Kind::unsupported;
  // By others machines talk to each other, too: a guest with its host, computers by radio.
  if (!isInternet(family))
    return isInternet(address.family()) || carriesStream(fd) ? Kind::unsupported : Kind::other;
  if (address.family() == AF_UNSPEC) return Kind::dissolve;
  int type = optionOf(fd, SOL_SOCKET, SO_TYPE, 0);
  if (type == SOCK_DGRAM) return isQuestion(fd, address) ? Kind::resolver : Kind::other;
  if (type == SOCK_RAW) return Kind::other;
  // SCTP and DCCP.
  if (type != SOCK_STREAM) return Kind::unsupported;
  int protocol = optionOf(fd, SOL_SOCKET, SO_PROTOCOL, 0);
  return protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP ? Kind::stream : Kind::unsupported;
}

}  // namespace tlspool::supervisor
