// CPU time of other processes, in nanoseconds.
#ifndef BENCH_CPU_TIME_H_
#define BENCH_CPU_TIME_H_

#include "options.h"

// A moment, and the CPU seconds (user and system) that the watched processes had used by then.
// Threads that have ended count; child processes count only if they are watched themselves.
struct moment {
  double seconds;
  double cpu_seconds;
};

// Ends the program with 1 if a watched process is gone: whatever was measured is void.
struct moment take_moment(const struct options* options);

// Seconds of the monotonic clock.
double clock_seconds(void);

#endif  // BENCH_CPU_TIME_H_
