#include "supervisor/connected-handler.h"

#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>

#include "gate/outgoing.h"
#include "supervisor/socket-facts.h"

namespace tlspool::supervisor {

namespace {

using socket::Address;
using socket::Descriptor;

void tellAddress(Notification& call, const Address& address) {
  if (call.writeAddress(1, 2, address))
    call.finish(0);
  else
    call.fail(errno);
}

/// getsockopt(2): the value is cut to the room there is, whose length is told back.
void tellError(Notification& call, int error) {
  socklen_t room = 0;
  if (!call.read(call.argument(4), &room, sizeof room)) {
    call.fail(errno);
    return;
  }
  socklen_t length = std::min<socklen_t>(room, sizeof error);
  if (call.write(call.argument(3), &error, length) &&
      call.write(call.argument(4), &length, sizeof length)) {
    call.finish(0);
  } else {
    call.fail(errno);
  }
}

}  // namespace

std::vector<Trap> ConnectedHandler::traps() const {
  return {{.number = SYS_getsockname},
          {.number = SYS_getpeername},
          {.number = SYS_getsockopt,
           .conditions = {{1, Condition::Test::equals, SOL_SOCKET},
                          {2, Condition::Test::equals, SO_ERROR}}}};
}

void ConnectedHandler::handle(std::shared_ptr<Notification> call) {
  Descriptor fd = call->fetch(call->descriptorArgument(0));
  auto& outgoing = gate::Outgoing::instance();
  // What cannot be looked at was never connected through a gate.
  uint64_t cookie = fd ? cookieOf(fd.number()) : 0;
  auto likeness = cookie == 0 ? std::nullopt : outgoing.find(cookie);
  if (!likeness) {
    call->proceed();
    return;
  }
  switch (call->number()) {
    case SYS_getsockname:
      tellAddress(*call, likeness->local);
      return;
    case SYS_getpeername:
      // Until it is connected, and when it is no more, the kernel says ENOTCONN.
      if (remoteAddressOf(fd.number()).length == 0)
        call->proceed();
      else
        tellAddress(*call, likeness->remote);
      return;
    default:
      break;
  }
  int error = outgoing.takeError(cookie);
  if (error == 0) {
    call->proceed();
    return;
  }
  // The kernel's own error is told with it.
  optionOf(fd.number(), SOL_SOCKET, SO_ERROR, 0);
  tellError(*call, error);
}

}  // namespace tlspool::supervisor
