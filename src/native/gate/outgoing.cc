#include "gate/outgoing.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <unordered_set>

#include "socket/descriptor.h"

namespace tlspool::gate {

namespace {

using socket::Descriptor;

#ifndef SO_NETNS_COOKIE
constexpr int SO_NETNS_COOKIE = 71;  // Linux 5.14
#endif

/// No descriptor leads to what is in TIME_WAIT, of which there may be tens of thousands.
constexpr uint32_t kOpenStates = ~(1U << TCP_TIME_WAIT);

/// sock_diag(7): every TCP socket of a family.
struct Request {
  nlmsghdr header;
  inet_diag_req_v2 body;
};

bool request(int channel, int family) {
  Request message{};
  message.header.nlmsg_len = sizeof message;
  message.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  message.body.sdiag_family = static_cast<uint8_t>(family);
  message.body.sdiag_protocol = IPPROTO_TCP;
  message.body.idiag_states = kOpenStates;
  return send(channel, &message, sizeof message, 0) == sizeof message;
}

/// False with errno when the answer is none.
bool collect(int channel, const std::vector<int>& ports, std::unordered_set<uint64_t>* cookies) {
  alignas(nlmsghdr) char buffer[32768];
  for (;;) {
    ssize_t bytes = recv(channel, buffer, sizeof buffer, 0);
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes <= 0) return false;
    auto length = static_cast<unsigned>(bytes);
    for (auto* header = reinterpret_cast<nlmsghdr*>(buffer); NLMSG_OK(header, length);
         header = NLMSG_NEXT(header, length)) {
      if (header->nlmsg_type == NLMSG_DONE) return true;
      if (header->nlmsg_type == NLMSG_ERROR) {
        errno = EPROTO;
        return false;
      }
      auto* entry = static_cast<inet_diag_msg*>(NLMSG_DATA(header));
      if (std::ranges::find(ports, ntohs(entry->id.idiag_dport)) == ports.end()) continue;
      cookies->insert(static_cast<uint64_t>(entry->id.idiag_cookie[1]) << 32 |
                      entry->id.idiag_cookie[0]);
    }
  }
}

}  // namespace

Outgoing& Outgoing::instance() {
  // Never destroyed: supervisor threads may outlive the static objects at exit.
  static auto* outgoing = new Outgoing;
  return *outgoing;
}

void Outgoing::remember(uint64_t cookie, const Likeness& likeness) {
  std::lock_guard lock(mutex_);
  byCookie_[cookie] = {likeness, sweeps_};
}

std::optional<Likeness> Outgoing::find(uint64_t cookie) const {
  std::lock_guard lock(mutex_);
  auto found = byCookie_.find(cookie);
  if (found == byCookie_.end()) return std::nullopt;
  return found->second.likeness;
}

void Outgoing::fail(uint64_t cookie, int error) {
  std::lock_guard lock(mutex_);
  auto found = byCookie_.find(cookie);
  if (found != byCookie_.end()) found->second.likeness.error = error;
}

int Outgoing::takeError(uint64_t cookie) {
  std::lock_guard lock(mutex_);
  auto found = byCookie_.find(cookie);
  if (found == byCookie_.end() || found->second.likeness.error == 0) return 0;
  int error = found->second.likeness.error;
  byCookie_.erase(found);
  return error;
}

void Outgoing::forget(uint64_t cookie) {
  std::lock_guard lock(mutex_);
  byCookie_.erase(cookie);
}

size_t Outgoing::size() const {
  std::lock_guard lock(mutex_);
  return byCookie_.size();
}

bool Outgoing::sweep(const std::vector<int>& ports) {
  Descriptor channel(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!channel) return false;
  std::unordered_set<uint64_t> living;
  for (int family : {AF_INET, AF_INET6}) {
    if (!request(channel.number(), family) || !collect(channel.number(), ports, &living))
      return false;
  }
  std::lock_guard lock(mutex_);
  std::erase_if(byCookie_, [&](const auto& each) {
    return each.second.since < sweeps_ && !living.contains(each.first);
  });
  sweeps_++;
  return true;
}

uint64_t ownNetwork() {
  static const uint64_t cookie = [] {
    uint64_t value = 0;
    socklen_t length = sizeof value;
    Descriptor own(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    getsockopt(own.number(), SOL_SOCKET, SO_NETNS_COOKIE, &value, &length);
    return value;
  }();
  return cookie;
}

}  // namespace tlspool::gate
