// The descriptors of a process of the program, as /proc shows them.
#pragma once

#include <sys/types.h>

#include <functional>

#include "supervisor/notification.h"

namespace tlspool::supervisor {

/// Puts `replacement` in the place of every descriptor of the caller's process that is the same
/// socket as `original`, whose close-on-exec flags stay as they are. The socket's registrations
/// with epoll move along. False with errno if that cannot be done, and then the one that the call
/// is about is not replaced.
bool replaceEverywhere(const Notification& call, int original, int replacement);

/// A duplicate of the socket with this inode number, of any process that we may look into, for
/// which `right` holds; empty if nobody has it.
socket::Descriptor fetchFromAnybody(ino_t inode,
                                    const std::function<bool(const socket::Descriptor&)>& right);

}  // namespace tlspool::supervisor
