#include "window.h"

#include <time.h>

static void rest(double seconds) {
  struct timespec time = {.tv_sec = (time_t)seconds};
  time.tv_nsec = (long)((seconds - (double)time.tv_sec) * 1e9);
  nanosleep(&time, NULL);
}

void window_run(struct window* window, const struct options* options) {
  rest(options->warm_up);
  window->before = take_moment(options);
  atomic_store(&window->phase, PHASE_MEASURED);
  rest(options->seconds);
  atomic_store(&window->phase, PHASE_OVER);
  window->after = take_moment(options);
}
