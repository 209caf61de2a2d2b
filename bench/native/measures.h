// What can be measured. Each runs to its end and prints one JSON object; `failures` counts
// everything that did not go as it should, `failure` is the first of them.
#ifndef BENCH_MEASURES_H_
#define BENCH_MEASURES_H_

#include "options.h"

// --bytes in total over --connections, after an eighth of that as warm-up. {bytes, seconds,
// cpuSeconds, …}
void measure_bulk(const struct options* options);

// Connect, handshake, one byte there and back, close; over and over on --connections threads.
// {count, resumed, seconds, cpuSeconds, p50, p99 (µs from connect to the byte), …}
void measure_handshakes(const struct options* options);

// 64 bytes there and back on --connections connections at once. {count, p50, p99 (µs), …}
void measure_ping_pong(const struct options* options);

// Opens --connections, passes one byte there and back on each, prints {open, …}, and holds them
// until stdin ends.
void measure_idle(const struct options* options);

// Without TLS: connect, one byte there and back, close; over and over on --connections threads.
// {count, seconds, cpuSeconds, p50, p99 (µs), …}
void measure_plain(const struct options* options);

#endif  // BENCH_MEASURES_H_
