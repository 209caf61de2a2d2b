#include "supervisor/listener-life.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "supervisor/private-network.h"

namespace tlspool::supervisor {

namespace {

using socket::Address;
using socket::Descriptor;

struct Question {
  nlmsghdr header;
  inet_diag_req_v2 request;
};

Question questionFor(const Address& address) {
  Question question{};
  question.header.nlmsg_len = sizeof question;
  question.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  question.header.nlmsg_flags = NLM_F_REQUEST;
  question.request.sdiag_family = static_cast<uint8_t>(address.family());
  question.request.sdiag_protocol = IPPROTO_TCP;
  question.request.idiag_states = 1u << TCP_LISTEN;
  inet_diag_sockid& id = question.request.id;
  if (address.family() == AF_INET) {
    const auto* name = reinterpret_cast<const sockaddr_in*>(address.get());
    id.idiag_sport = name->sin_port;
    memcpy(id.idiag_src, &name->sin_addr, sizeof name->sin_addr);
  } else {
    const auto* name = reinterpret_cast<const sockaddr_in6*>(address.get());
    id.idiag_sport = name->sin6_port;
    memcpy(id.idiag_src, &name->sin6_addr, sizeof name->sin6_addr);
  }
  id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
  id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  return question;
}

}  // namespace

bool listensInside(const Address& address) {
  Descriptor diagnosis = PrivateNetwork::instance().takeDiagnosis();
  if (!diagnosis) return true;
  timeval patience{1, 0};
  setsockopt(diagnosis.number(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  Question question = questionFor(address);
  if (::send(diagnosis.number(), &question, sizeof question, 0) < 0) return true;
  alignas(nlmsghdr) char answer[4096];
  ssize_t length;
  do {
    length = recv(diagnosis.number(), answer, sizeof answer, 0);
  } while (length < 0 && errno == EINTR);
  if (length < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(nlmsgerr)))) return true;
  const auto* header = reinterpret_cast<const nlmsghdr*>(answer);
  if (header->nlmsg_type != NLMSG_ERROR) return true;
  const auto* error = reinterpret_cast<const nlmsgerr*>(NLMSG_DATA(header));
  return error->error != -ENOENT;
}

Descriptor watchListeners() {
  Descriptor diagnosis = PrivateNetwork::instance().takeDiagnosis();
  if (!diagnosis) return {};
  // Only sockets that had no peer: listeners. The kernel drops the others before they wake us.
  constexpr uint32_t kPeerPort =
      NLMSG_HDRLEN + offsetof(inet_diag_msg, id) + offsetof(inet_diag_sockid, idiag_dport);
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, kPeerPort),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  sock_fprog filter{sizeof code / sizeof *code, code};
  setsockopt(diagnosis.number(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
  // To a socket without a port id of its own, which is the kernel's, nothing is multicast.
  sockaddr_nl own{};
  own.nl_family = AF_NETLINK;
  if (bind(diagnosis.number(), reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0) return {};
  int flags = fcntl(diagnosis.number(), F_GETFL);
  fcntl(diagnosis.number(), F_SETFL, flags | O_NONBLOCK);
  for (int group : {SKNLGRP_INET_TCP_DESTROY, SKNLGRP_INET6_TCP_DESTROY}) {
    if (setsockopt(diagnosis.number(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) !=
        0) {
      return {};
    }
  }
  return diagnosis;
}

}  // namespace tlspool::supervisor
