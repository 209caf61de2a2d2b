#include <stdio.h>
#include <unistd.h>

#include "connection.h"
#include "cpu_time.h"
#include "measures.h"
#include "threads.h"

enum { kOpeners = 8 };

struct opener {
  unsigned from, to;  // of `connections`, `to` excluded
  struct connection* connections;
  unsigned open;
};

static bool open_and_prove(struct connection* connection, unsigned number) {
  char byte = 'x';
  return connection_open(connection, number, NULL) &&
         connection_order(connection, EXCHANGE_ECHO, 0) && connection_send(connection, &byte, 1) &&
         connection_receive(connection, &byte, 1, 1);
}

static void* run_opener(void* argument) {
  struct opener* opener = argument;
  for (unsigned i = opener->from; i < opener->to; i++)
    opener->open += open_and_prove(&opener->connections[i], i);
  return NULL;
}

void measure_idle(const struct options* options) {
  struct connection* connections = calloc(options->connections, sizeof *connections);
  if (connections == NULL) err(1, "calloc");
  struct opener openers[kOpeners];
  for (unsigned i = 0; i < kOpeners; i++)
    openers[i] = (struct opener){.from = options->connections * i / kOpeners,
                                 .to = options->connections * (i + 1) / kOpeners,
                                 .connections = connections};
  double start = clock_seconds();
  threads_join(threads_start(run_opener, openers, sizeof *openers, kOpeners), kOpeners);
  unsigned open = 0;
  for (unsigned i = 0; i < kOpeners; i++) open += openers[i].open;
  printf("{\"open\":%u,\"seconds\":%.3f,\"failures\":%u,\"failure\":\"%s\"}\n", open,
         clock_seconds() - start, connection_failures(), connection_failure());
  fflush(stdout);
  char ignored;
  while (read(STDIN_FILENO, &ignored, 1) > 0) continue;
  // The process ends here and the kernel closes all connections: nothing is worth freeing one by
  // one.
}
