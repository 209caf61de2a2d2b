#include "socket/datagram-way.h"

#include <netinet/in.h>

#include <cerrno>
#include <cstring>

#include "socket/udp.h"

namespace tlspool::socket {

namespace {

sockaddr_in& ipv4(Address& address) { return *reinterpret_cast<sockaddr_in*>(address.get()); }
sockaddr_in6& ipv6(Address& address) { return *reinterpret_cast<sockaddr_in6*>(address.get()); }

bool nameOf(int fd, Address* name) {
  name->length = sizeof name->storage;
  return getsockname(fd, name->get(), &name->length) == 0;
}

/// Puts the address that a datagram came to in the place of the one that the socket has.
bool readLocal(msghdr& message, Address* local) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      memcpy(&info, CMSG_DATA(part), sizeof info);
      ipv4(*local).sin_addr = info.ipi_spec_dst;
      return true;
    }
    if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      memcpy(&info, CMSG_DATA(part), sizeof info);
      ipv6(*local).sin6_addr = info.ipi6_addr;
      // Elsewhere routes decide, as for all else that is sent.
      ipv6(*local).sin6_scope_id = IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr) ? info.ipi6_ifindex : 0;
      return true;
    }
  }
  return false;
}

template <typename Info>
void tell(cmsghdr* part, int level, int type, const Info& info) {
  part->cmsg_level = level;
  part->cmsg_type = type;
  part->cmsg_len = CMSG_LEN(sizeof info);
  memcpy(CMSG_DATA(part), &info, sizeof info);
}

/// @returns bytes of it
size_t writeLocal(cmsghdr* part, Address local) {
  if (local.family() == AF_INET) {
    in_pktinfo info{};
    info.ipi_spec_dst = ipv4(local).sin_addr;
    tell(part, IPPROTO_IP, IP_PKTINFO, info);
    return CMSG_SPACE(sizeof info);
  }
  in6_pktinfo info{};
  info.ipi6_addr = ipv6(local).sin6_addr;
  info.ipi6_ifindex = ipv6(local).sin6_scope_id;
  tell(part, IPPROTO_IPV6, IPV6_PKTINFO, info);
  return CMSG_SPACE(sizeof info);
}

constexpr size_t kControlRoom = CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(in_pktinfo));

}  // namespace

bool tellWays(int fd) {
  Address name;
  if (!nameOf(fd, &name)) return false;
  bool isIpv6 = name.family() == AF_INET6;
  int on = 1;
  return setsockopt(fd, isIpv6 ? IPPROTO_IPV6 : IPPROTO_IP, isIpv6 ? IPV6_RECVPKTINFO : IP_PKTINFO,
                    &on, sizeof on) == 0;
}

ssize_t receiveAny(int fd, void* data, size_t length, DatagramWay* way) {
  if (!nameOf(fd, &way->local)) return -1;
  iovec room{data, length};
  alignas(cmsghdr) char control[kControlRoom];
  msghdr message{};
  message.msg_name = way->remote.get();
  message.msg_namelen = sizeof way->remote.storage;
  message.msg_iov = &room;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t got;
  do {
    got = recvmsg(fd, &message, MSG_DONTWAIT | MSG_TRUNC);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return -1;
  way->remote.length = message.msg_namelen;
  if (readLocal(message, &way->local)) return got;
  errno = ENODATA;
  return -1;
}

bool sendBack(int fd, const void* data, size_t length, const DatagramWay& way) {
  iovec content{const_cast<void*>(data), length};
  alignas(cmsghdr) char control[kControlRoom] = {};
  Address remote = way.remote;
  msghdr message{};
  message.msg_name = remote.get();
  message.msg_namelen = remote.length;
  message.msg_iov = &content;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  message.msg_controllen = writeLocal(CMSG_FIRSTHDR(&message), way.local);
  return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

Descriptor connectWay(int fd, const DatagramWay& way) {
  Descriptor made = bindBeside(fd, way.local);
  if (!made || !connectUdp(made.number(), way.remote)) return {};
  return made;
}

}  // namespace tlspool::socket
