#define _GNU_SOURCE
#include "cpu_time.h"

#include <err.h>
#include <errno.h>
#include <time.h>

static double read_clock(clockid_t clock) {
  struct timespec time;
  if (clock_gettime(clock, &time) != 0) return -1;
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

double clock_seconds(void) { return read_clock(CLOCK_MONOTONIC); }

// /proc/PID/stat counts in ticks of 10 ms and /proc/PID/schedstat forgets threads that have ended;
// the process's CPU clock (clock_getcpuclockid(3)) does neither.
struct moment take_moment(const struct options* options) {
  struct moment moment = {.seconds = clock_seconds()};
  for (unsigned i = 0; i < options->watched_count; i++) {
    clockid_t clock;
    errno = clock_getcpuclockid(options->watched[i], &clock);
    double seconds = errno == 0 ? read_clock(clock) : -1;
    if (seconds < 0) err(1, "watched process %d", options->watched[i]);
    moment.cpu_seconds += seconds;
  }
  return moment;
}
