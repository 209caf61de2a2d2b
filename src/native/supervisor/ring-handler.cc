#include "supervisor/ring-handler.h"

#include <sys/syscall.h>

#include <cerrno>

namespace tlspool::supervisor {

std::vector<Trap> RingHandler::traps() const { return {{.number = SYS_io_uring_setup}}; }

void RingHandler::handle(std::shared_ptr<Notification> call) { call->fail(ENOSYS); }

}  // namespace tlspool::supervisor
