// A team of threads, all doing the same.
#ifndef BENCH_THREADS_H_
#define BENCH_THREADS_H_

#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

// `work` gets the address of its own element of `members`, an array of `count` elements of `size`
// bytes.
static inline pthread_t* threads_start(void* (*work)(void*), void* members, size_t size,
                                       unsigned count) {
  pthread_t* threads = calloc(count, sizeof *threads);
  if (threads == NULL) err(1, "calloc");
  for (unsigned i = 0; i < count; i++) {
    errno = pthread_create(&threads[i], NULL, work, (char*)members + i * size);
    if (errno != 0) err(1, "pthread_create");
  }
  return threads;
}

static inline void threads_join(pthread_t* threads, unsigned count) {
  for (unsigned i = 0; i < count; i++) pthread_join(threads[i], NULL);
  free(threads);
}

#endif  // BENCH_THREADS_H_
