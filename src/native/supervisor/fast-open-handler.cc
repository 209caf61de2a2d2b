#include "supervisor/fast-open-handler.h"

#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>

namespace tlspool::supervisor {

std::vector<Trap> FastOpenHandler::traps() const {
  auto when = [](int number, int flags) {
    return Trap{.number = number,
                .conditions = {{flags, Condition::Test::hasAnyBit, MSG_FASTOPEN}}};
  };
  return {when(SYS_sendto, 3), when(SYS_sendmsg, 2), when(SYS_sendmmsg, 3)};
}

void FastOpenHandler::handle(std::shared_ptr<Notification> call) { call->fail(EOPNOTSUPP); }

}  // namespace tlspool::supervisor
