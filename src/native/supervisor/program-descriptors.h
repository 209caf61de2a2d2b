// The descriptors of a process of the program, as /proc shows them.
#pragma once

#include "supervisor/notification.h"

namespace tlspool::supervisor {

/// Puts `replacement` in the place of every descriptor of the caller's process that is the same
/// socket as `original`, whose close-on-exec flags stay as they are. The socket's registrations
/// with epoll move along. False with errno, nothing replaced, if the one that the call is about
/// cannot be.
bool replaceEverywhere(const Notification& call, int original, int replacement);

}  // namespace tlspool::supervisor
