// The seccomp filter that makes traps of system calls.
#pragma once

#include <linux/filter.h>

#include <vector>

#include "supervisor/trap.h"

namespace tlspool::supervisor {

/// Notifies of the traps, and of every call in another calling convention (i386, x32), whose
/// numbers mean other calls: a filter that let them pass could be walked around. Allows everything
/// else.
std::vector<sock_filter> filterFor(const std::vector<Trap>& traps);

/// Whether a notification is of this machine's own calling convention.
bool isNativeCall(uint32_t arch, int number);

}  // namespace tlspool::supervisor
