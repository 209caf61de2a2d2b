#include "supervisor/stream-kind-handler.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>

#include "supervisor/refusal.h"
#include "supervisor/socket-facts.h"

namespace tlspool::supervisor {

namespace {

/// What of the type is not SOCK_CLOEXEC or SOCK_NONBLOCK (linux/net.h: SOCK_TYPE_MASK).
constexpr uint32_t kTypeMask = 0xf;

Condition equals(int argument, uint32_t value, uint32_t mask = 0xffffffff) {
  return {argument, Condition::Test::equals, value, mask};
}

}  // namespace

std::vector<Trap> StreamKindHandler::traps() const {
  std::vector<Trap> traps = {{.number = SYS_socket, .conditions = {equals(0, kSharedMemoryTcp)}}};
  for (uint32_t family : {AF_INET, AF_INET6}) {
    for (uint32_t protocol : {IPPROTO_SCTP, IPPROTO_DCCP})
      traps.push_back(
          {.number = SYS_socket, .conditions = {equals(0, family), equals(2, protocol)}});
    for (uint32_t type : {SOCK_SEQPACKET, SOCK_DCCP})
      traps.push_back(
          {.number = SYS_socket, .conditions = {equals(0, family), equals(1, type, kTypeMask)}});
  }
  return traps;
}

void StreamKindHandler::handle(std::shared_ptr<Notification> call) {
  int error = call->descriptorArgument(0) == kSharedMemoryTcp ? EAFNOSUPPORT : EPROTONOSUPPORT;
  tellRefused(questions_, call->task(), "socket", "TLS cannot be put on SCTP, DCCP and SMC", error);
  call->fail(error);
}

}  // namespace tlspool::supervisor
