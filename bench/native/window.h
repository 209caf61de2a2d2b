// The measured window of a load that goes on before and after it.
#ifndef BENCH_WINDOW_H_
#define BENCH_WINDOW_H_

#include <stdatomic.h>

#include "cpu_time.h"

enum phase { PHASE_WARM_UP, PHASE_MEASURED, PHASE_OVER };

struct window {
  _Atomic enum phase phase;
  struct moment before, after;
};

// Lets the warm-up and the window pass; threads look at `phase` meanwhile.
void window_run(struct window* window, const struct options* options);

#endif  // BENCH_WINDOW_H_
