#include <stdio.h>
#include <string.h>
#include <time.h>

#include "connection.h"
#include "measures.h"
#include "samples.h"
#include "threads.h"
#include "window.h"

struct visitor {
  unsigned number;
  bool resume;
  struct window* window;
  struct samples latencies;
  uint64_t resumed;
};

// One visit as a client with a short question makes it; true if it was answered.
static bool visit(struct visitor* visitor, SSL_SESSION** ticket, bool* resumed) {
  struct connection connection;
  if (!connection_open(&connection, visitor->number, visitor->resume ? ticket : NULL)) return false;
  char byte = 'x';
  const struct order order = {.exchange = EXCHANGE_ECHO};
  char question[sizeof order + 1];
  memcpy(question, &order, sizeof order);
  question[sizeof order] = byte;
  bool answered = connection_send(&connection, question, sizeof question) &&
                  connection_receive(&connection, &byte, sizeof byte, 1);
  *resumed = connection.resumed;
  connection_close(&connection);
  return answered;
}

static void* run_visitor(void* argument) {
  struct visitor* visitor = argument;
  SSL_SESSION* ticket = NULL;
  enum phase phase;
  while ((phase = atomic_load(&visitor->window->phase)) != PHASE_OVER) {
    bool resumed = false;
    double start = clock_seconds();
    if (!visit(visitor, &ticket, &resumed)) {
      // A proxy that refuses must not turn this loop into a storm.
      nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
      continue;
    }
    if (phase != PHASE_MEASURED) continue;
    samples_add(&visitor->latencies, clock_seconds() - start);
    visitor->resumed += resumed;
  }
  SSL_SESSION_free(ticket);
  return NULL;
}

void measure_handshakes(const struct options* options) {
  const unsigned count = options->connections;
  struct window window = {.phase = PHASE_WARM_UP};
  struct visitor* visitors = calloc(count, sizeof *visitors);
  if (visitors == NULL) err(1, "calloc");
  for (unsigned i = 0; i < count; i++)
    visitors[i] = (struct visitor){.number = i, .resume = options->resume, .window = &window};
  pthread_t* threads = threads_start(run_visitor, visitors, sizeof *visitors, count);
  window_run(&window, options);
  threads_join(threads, count);
  struct samples latencies = {0};
  uint64_t resumed = 0;
  for (unsigned i = 0; i < count; i++) {
    samples_merge(&latencies, &visitors[i].latencies);
    resumed += visitors[i].resumed;
  }
  printf(
      "{\"count\":%zu,\"resumed\":%lu,\"seconds\":%.6f,\"cpuSeconds\":%.6f,\"p50\":%.1f,\"p99\":%."
      "1f,"
      "\"failures\":%u,\"failure\":\"%s\"}\n",
      latencies.count, resumed, window.after.seconds - window.before.seconds,
      window.after.cpu_seconds - window.before.cpu_seconds, samples_quantile(&latencies, 0.5),
      samples_quantile(&latencies, 0.99), connection_failures(), connection_failure());
  free(visitors);
}
