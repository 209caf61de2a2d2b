// Durations collected by several threads, and their quantiles.
#ifndef BENCH_SAMPLES_H_
#define BENCH_SAMPLES_H_

#include <stddef.h>

// One thread's own; zero-initialised.
struct samples {
  float* microseconds;
  size_t count, room;
};

void samples_add(struct samples* samples, double seconds);

// Empties `from`.
void samples_merge(struct samples* into, struct samples* from);

// `share` in 0..1; sorts. 0 if there is none.
double samples_quantile(struct samples* samples, double share);

#endif  // BENCH_SAMPLES_H_
