// Signals that a thread has not taken yet.
#pragma once

#include <sys/types.h>

namespace tlspool::process {

/// Whether a signal is pending that the thread neither blocks nor ignores (proc_pid_status(5)), or
/// it is gone: either way it is not to be kept waiting.
bool signalWaits(pid_t thread);

}  // namespace tlspool::process
