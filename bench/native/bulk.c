#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "connection.h"
#include "cpu_time.h"
#include "measures.h"
#include "threads.h"

enum { kRecordBytes = 16 * 1024, kReceiveBytes = 256 * 1024, kWarmUpShare = 8 };

struct stream {
  unsigned number;
  bool up;
  uint64_t bytes;
  pthread_barrier_t* barrier;  // everyone is warm; the moment is taken; everyone is done
};

static bool send_up(struct connection* connection, uint64_t bytes) {
  static const char record[kRecordBytes];
  char done;
  if (!connection_order(connection, EXCHANGE_SINK, bytes)) return false;
  for (uint64_t left = bytes; left > 0;) {
    size_t length = left < sizeof record ? left : sizeof record;
    if (!connection_send(connection, record, length)) return false;
    left -= length;
  }
  return connection_receive(connection, &done, sizeof done, 1);
}

static bool fetch_down(struct connection* connection, uint64_t bytes) {
  static _Thread_local char buffer[kReceiveBytes];
  return connection_order(connection, EXCHANGE_SOURCE, bytes) &&
         connection_receive(connection, buffer, sizeof buffer, bytes);
}

static void* run_stream(void* argument) {
  struct stream* stream = argument;
  bool (*transfer)(struct connection*, uint64_t) = stream->up ? send_up : fetch_down;
  struct connection connection;
  bool open = connection_open(&connection, stream->number, NULL);
  bool working = open && transfer(&connection, stream->bytes / kWarmUpShare);
  pthread_barrier_wait(stream->barrier);
  pthread_barrier_wait(stream->barrier);
  if (working) transfer(&connection, stream->bytes);
  pthread_barrier_wait(stream->barrier);
  if (open) connection_close(&connection);
  return NULL;
}

void measure_bulk(const struct options* options) {
  const unsigned count = options->connections;
  pthread_barrier_t barrier;
  pthread_barrier_init(&barrier, NULL, count + 1);
  struct stream* streams = calloc(count, sizeof *streams);
  if (streams == NULL) err(1, "calloc");
  for (unsigned i = 0; i < count; i++)
    streams[i] = (struct stream){.number = i,
                                 .up = strcmp(options->measure, "up") == 0,
                                 .bytes = options->bytes / count,
                                 .barrier = &barrier};
  pthread_t* threads = threads_start(run_stream, streams, sizeof *streams, count);
  pthread_barrier_wait(&barrier);
  struct moment before = take_moment(options);
  pthread_barrier_wait(&barrier);
  pthread_barrier_wait(&barrier);
  struct moment after = take_moment(options);
  threads_join(threads, count);
  printf("{\"bytes\":%" PRIu64
         ",\"seconds\":%.6f,\"cpuSeconds\":%.6f,\"failures\":%u,\"failure\":\"%s\"}\n",
         options->bytes / count * count, after.seconds - before.seconds,
         after.cpu_seconds - before.cpu_seconds, connection_failures(), connection_failure());
  free(streams);
}
