#include "samples.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

static void make_room(struct samples* samples, size_t count) {
  if (count <= samples->room) return;
  samples->room = count < 4096 ? 4096 : count * 2;
  samples->microseconds =
      realloc(samples->microseconds, samples->room * sizeof *samples->microseconds);
  if (samples->microseconds == NULL) err(1, "realloc");
}

void samples_add(struct samples* samples, double seconds) {
  make_room(samples, samples->count + 1);
  samples->microseconds[samples->count++] = (float)(seconds * 1e6);
}

void samples_merge(struct samples* into, struct samples* from) {
  if (from->count > 0) {
    make_room(into, into->count + from->count);
    memcpy(into->microseconds + into->count, from->microseconds,
           from->count * sizeof *from->microseconds);
    into->count += from->count;
  }
  free(from->microseconds);
  *from = (struct samples){0};
}

static int ascending(const void* left, const void* right) {
  float a = *(const float*)left, b = *(const float*)right;
  return (a > b) - (a < b);
}

double samples_quantile(struct samples* samples, double share) {
  if (samples->count == 0) return 0;
  qsort(samples->microseconds, samples->count, sizeof *samples->microseconds, ascending);
  size_t index = (size_t)(share * (double)samples->count);
  return samples->microseconds[index < samples->count ? index : samples->count - 1];
}
