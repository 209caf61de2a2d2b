#include <stdio.h>

#include "connection.h"
#include "measures.h"
#include "samples.h"
#include "threads.h"
#include "window.h"

enum { kMessageBytes = 64 };

struct player {
  unsigned number;
  struct window* window;
  struct samples latencies;
};

static void* run_player(void* argument) {
  struct player* player = argument;
  struct connection connection;
  if (!connection_open(&connection, player->number, NULL)) return NULL;
  char message[kMessageBytes] = {0};
  bool playing = connection_order(&connection, EXCHANGE_ECHO, 0);
  enum phase phase;
  while (playing && (phase = atomic_load(&player->window->phase)) != PHASE_OVER) {
    double start = clock_seconds();
    playing = connection_send(&connection, message, sizeof message) &&
              connection_receive(&connection, message, sizeof message, sizeof message);
    if (playing && phase == PHASE_MEASURED)
      samples_add(&player->latencies, clock_seconds() - start);
  }
  connection_close(&connection);
  return NULL;
}

void measure_ping_pong(const struct options* options) {
  const unsigned count = options->connections;
  struct window window = {.phase = PHASE_WARM_UP};
  struct player* players = calloc(count, sizeof *players);
  if (players == NULL) err(1, "calloc");
  for (unsigned i = 0; i < count; i++) players[i] = (struct player){.number = i, .window = &window};
  pthread_t* threads = threads_start(run_player, players, sizeof *players, count);
  window_run(&window, options);
  threads_join(threads, count);
  struct samples latencies = {0};
  for (unsigned i = 0; i < count; i++) samples_merge(&latencies, &players[i].latencies);
  printf(
      "{\"count\":%zu,\"seconds\":%.6f,\"cpuSeconds\":%.6f,\"p50\":%.1f,\"p99\":%.1f,"
      "\"failures\":%u,\"failure\":\"%s\"}\n",
      latencies.count, window.after.seconds - window.before.seconds,
      window.after.cpu_seconds - window.before.cpu_seconds, samples_quantile(&latencies, 0.5),
      samples_quantile(&latencies, 0.99), connection_failures(), connection_failure());
  free(players);
}
