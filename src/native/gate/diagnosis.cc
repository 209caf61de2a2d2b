#include "gate/diagnosis.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "socket/descriptor.h"

namespace tlspool::gate {

namespace {

using socket::Address;
using socket::Descriptor;

struct Request {
  nlmsghdr header;
  inet_diag_req_v2 body;
};

void place(const Address& address, __be32 (&host)[4], __be16* port) {
  if (address.family() == AF_INET6) {
    sockaddr_in6 six;
    memcpy(&six, &address.storage, sizeof six);
    memcpy(host, &six.sin6_addr, sizeof six.sin6_addr);
    *port = six.sin6_port;
    return;
  }
  sockaddr_in four;
  memcpy(&four, &address.storage, sizeof four);
  host[0] = four.sin_addr.s_addr;
  *port = four.sin_port;
}

}  // namespace

std::optional<bool> isConnection(uint64_t cookie, const Address& local, const Address& remote) {
  Descriptor channel(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!channel) return std::nullopt;
  Request request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.body.sdiag_family = static_cast<uint8_t>(local.family());
  request.body.sdiag_protocol = IPPROTO_TCP;
  request.body.idiag_states = ~0U;
  place(local, request.body.id.idiag_src, &request.body.id.idiag_sport);
  place(remote, request.body.id.idiag_dst, &request.body.id.idiag_dport);
  // The kernel compares it (ESTALE).
  request.body.id.idiag_cookie[0] = static_cast<uint32_t>(cookie);
  request.body.id.idiag_cookie[1] = static_cast<uint32_t>(cookie >> 32);
  if (send(channel.number(), &request, sizeof request, 0) != sizeof request) return std::nullopt;
  alignas(nlmsghdr) char reply[1024];
  ssize_t length;
  do {
    length = recv(channel.number(), reply, sizeof reply, 0);
  } while (length < 0 && errno == EINTR);
  if (length < 0) return std::nullopt;
  auto* header = reinterpret_cast<nlmsghdr*>(reply);
  if (length >= static_cast<ssize_t>(sizeof *header) && header->nlmsg_type == SOCK_DIAG_BY_FAMILY)
    return true;
  if (length < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(nlmsgerr))) ||
      header->nlmsg_type != NLMSG_ERROR) {
    errno = EPROTO;
    return std::nullopt;
  }
  int error = -static_cast<nlmsgerr*>(NLMSG_DATA(header))->error;
  // ESTALE: the place is another socket's by now.
  if (error == ENOENT || error == ESTALE) return false;
  errno = error;
  return std::nullopt;
}

}  // namespace tlspool::gate
