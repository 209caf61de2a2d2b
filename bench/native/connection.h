// One blocking TLS connection of the load generator. Every target gets exactly the same offer,
// TLS 1.3 with TLS_AES_256_GCM_SHA384 over X25519, and each connection checks that this was agreed
// on.
#ifndef BENCH_CONNECTION_H_
#define BENCH_CONNECTION_H_

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

#include "exchange.h"
#include "options.h"

struct connection {
  int fd;
  SSL* tls;
  bool resumed;
  SSL_SESSION** ticket;  // where the newest ticket goes; NULL: nobody wants it
};

// Once, before any connection. `release_buffers`: many connections that stay idle.
void connections_prepare(const struct options* options, bool release_buffers);

// Connects from 127.0.0.(2 + `number` % 64), so that ports in TIME_WAIT never run out, and shakes
// hands, offering `*ticket` if there is one. False (with the reason in `connection_failure()`) if
// anything is not as it should be; then nothing is left to close.
bool connection_open(struct connection* connection, unsigned number, SSL_SESSION** ticket);

bool connection_order(struct connection* connection, enum exchange exchange, uint64_t count);
bool connection_send(struct connection* connection, const void* bytes, size_t length);
// Exactly `length` bytes, of which `buffer` keeps the last `size` at most.
bool connection_receive(struct connection* connection, void* buffer, size_t size, uint64_t length);

// Sends close_notify and closes, as a client that has all it wants.
void connection_close(struct connection* connection);

// The first failure of all threads, in words; "" if there was none.
const char* connection_failure(void);
unsigned connection_failures(void);

#endif  // BENCH_CONNECTION_H_
