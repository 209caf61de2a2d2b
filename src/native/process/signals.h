// Signals that a thread has not taken yet.
#pragma once

#include <sys/types.h>

namespace tlspool::process {

/// Whether a signal is pending that the thread neither blocks nor ignores (proc_pid_status(5));
/// false if it is gone.
bool signalWaits(pid_t thread);

}  // namespace tlspool::process
