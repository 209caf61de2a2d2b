#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "exchange.h"
#include "measures.h"
#include "samples.h"
#include "threads.h"
#include "window.h"

struct visitor {
  const struct options* options;
  struct window* window;
  struct samples latencies;
  unsigned failures;
  int error;  // errno of the first of them
};

// Whether one byte came back over a connection of its own.
static bool answered(int fd, const struct sockaddr_in* to) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(fd, (const struct sockaddr*)to, sizeof *to) != 0) return false;
  const struct order order = {.exchange = EXCHANGE_ECHO};
  char question[sizeof order + 1] = {0};
  memcpy(question, &order, sizeof order);
  ssize_t sent = send(fd, question, sizeof question, MSG_NOSIGNAL);
  if (sent != (ssize_t)sizeof question) return false;
  char byte;
  errno = ECONNRESET;
  return recv(fd, &byte, sizeof byte, 0) == sizeof byte;
}

static bool visit(struct visitor* visitor) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool good = fd >= 0 && answered(fd, &visitor->options->proxy);
  if (!good && visitor->failures++ == 0) visitor->error = errno;
  if (fd >= 0) close(fd);
  return good;
}

static void* run_visitor(void* argument) {
  struct visitor* visitor = argument;
  enum phase phase;
  while ((phase = atomic_load(&visitor->window->phase)) != PHASE_OVER) {
    double start = clock_seconds();
    if (!visit(visitor)) {
      // Whoever refuses must not turn this loop into a storm.
      nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    } else if (phase == PHASE_MEASURED) {
      samples_add(&visitor->latencies, clock_seconds() - start);
    }
  }
  return NULL;
}

void measure_plain(const struct options* options) {
  const unsigned count = options->connections;
  struct window window = {.phase = PHASE_WARM_UP};
  struct visitor* visitors = calloc(count, sizeof *visitors);
  if (visitors == NULL) err(1, "calloc");
  for (unsigned i = 0; i < count; i++)
    visitors[i] = (struct visitor){.options = options, .window = &window};
  pthread_t* threads = threads_start(run_visitor, visitors, sizeof *visitors, count);
  window_run(&window, options);
  threads_join(threads, count);
  struct samples latencies = {0};
  unsigned failures = 0;
  int error = 0;
  for (unsigned i = 0; i < count; i++) {
    samples_merge(&latencies, &visitors[i].latencies);
    failures += visitors[i].failures;
    if (error == 0) error = visitors[i].error;
  }
  printf(
      "{\"count\":%zu,\"seconds\":%.6f,\"cpuSeconds\":%.6f,\"p50\":%.1f,\"p99\":%.1f,"
      "\"failures\":%u,\"failure\":\"%s\"}\n",
      latencies.count, window.after.seconds - window.before.seconds,
      window.after.cpu_seconds - window.before.cpu_seconds, samples_quantile(&latencies, 0.5),
      samples_quantile(&latencies, 0.99), failures, failures > 0 ? strerror(error) : "");
  free(visitors);
}
