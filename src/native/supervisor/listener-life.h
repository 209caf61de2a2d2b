// Whether the program still has a listener in the private network. We hold none of them ourselves,
// so that it goes when the program closes it.
#pragma once

#include "socket/address.h"
#include "socket/descriptor.h"

namespace tlspool::supervisor {

/// Asks the kernel (sock_diag(7)) whether anybody listens there. True as well where that cannot be
/// found out.
bool listensInside(const socket::Address& address);

/// A netlink socket that gets a message for each listener of the private network that is gone, with
/// its cookie (struct inet_diag_msg); non-blocking. Empty with errno.
socket::Descriptor watchListeners();

}  // namespace tlspool::supervisor
