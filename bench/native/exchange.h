// What the load generator and the backend say to each other, inside TLS: an order, then its bytes.
#ifndef BENCH_EXCHANGE_H_
#define BENCH_EXCHANGE_H_

#include <stdint.h>

enum exchange {
  // `count` bytes follow; the backend answers the last one with one byte, then takes another order.
  EXCHANGE_SINK = 'S',
  // The backend sends `count` bytes, then takes another order.
  EXCHANGE_SOURCE = 'G',
  // Every byte that follows comes back, until the connection ends; `count` is 0.
  EXCHANGE_ECHO = 'E',
};

// In host byte order: both ends are on this machine.
struct __attribute__((packed)) order {
  uint8_t exchange;
  uint64_t count;
};

#endif  // BENCH_EXCHANGE_H_
