// A socket of the program under another number than the one it had: dup2 and fcntl move sockets.
#pragma once

#include <cstdint>

#include "socket/descriptor.h"
#include "supervisor/task.h"

namespace tlspool::gate {

/// A duplicate of the socket with this SO_COOKIE, looked for among all that the task has; empty if
/// it is not there.
socket::Descriptor findSocket(const supervisor::Task& task, uint64_t cookie);

}  // namespace tlspool::gate
