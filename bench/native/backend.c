// backend SOCKET-PATH | PORT
//
// The plaintext program behind every proxy: a UNIX socket, or a port of 127.0.0.1, on which each
// connection gives orders (exchange.h). One thread and epoll, so that it takes the same small share
// of the machine each time.

#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "exchange.h"

enum { kBulkBytes = 256 * 1024, kEchoBytes = 1024, kBacklog = 4096, kEventsAtOnce = 256 };

struct connection {
  int fd;
  bool wants_write;           // EPOLLOUT is being watched
  struct order order;         // current one; exchange 0: none yet
  size_t order_bytes;         // of `order` received so far
  uint64_t left;              // bytes of the order still to sink or to send
  size_t echo_from, echo_to;  // part of `echo` that is still to be sent back
  char echo[kEchoBytes];
};

enum step { STEP_AGAIN, STEP_BLOCKED, STEP_CLOSED };

static char bulk[kBulkBytes];
static int poller;

static void watch_write(struct connection* connection, bool on) {
  if (connection->wants_write == on) return;
  connection->wants_write = on;
  struct epoll_event event = {.events = on ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = connection};
  if (epoll_ctl(poller, EPOLL_CTL_MOD, connection->fd, &event) != 0) err(1, "epoll_ctl");
}

// Turns the outcome of recv or send into what to do next; `*bytes` is what was moved.
static enum step outcome(struct connection* connection, ssize_t result, bool writing,
                         size_t* bytes) {
  *bytes = 0;
  if (result > 0) {
    *bytes = (size_t)result;
    return STEP_AGAIN;
  }
  if (result == 0 || (errno != EAGAIN && errno != EINTR)) return STEP_CLOSED;
  watch_write(connection, writing);
  return STEP_BLOCKED;
}

static enum step receive(struct connection* connection, void* buffer, size_t length,
                         size_t* bytes) {
  return outcome(connection, recv(connection->fd, buffer, length, 0), false, bytes);
}

static enum step transmit(struct connection* connection, const void* buffer, size_t length,
                          size_t* bytes) {
  return outcome(connection, send(connection->fd, buffer, length, MSG_NOSIGNAL), true, bytes);
}

static void next_order(struct connection* connection) {
  connection->order.exchange = 0;
  connection->order_bytes = 0;
}

static enum step read_order(struct connection* connection) {
  size_t bytes;
  enum step step = receive(connection, (char*)&connection->order + connection->order_bytes,
                           sizeof connection->order - connection->order_bytes, &bytes);
  connection->order_bytes += bytes;
  if (step == STEP_AGAIN && connection->order_bytes == sizeof connection->order)
    connection->left = connection->order.count;
  return step;
}

static enum step sink(struct connection* connection) {
  size_t bytes;
  if (connection->left == 0) {
    enum step step = transmit(connection, "", 1, &bytes);
    if (step == STEP_AGAIN) next_order(connection);
    return step;
  }
  size_t length = connection->left < sizeof bulk ? connection->left : sizeof bulk;
  enum step step = receive(connection, bulk, length, &bytes);
  connection->left -= bytes;
  return step;
}

static enum step source(struct connection* connection) {
  if (connection->left == 0) {
    next_order(connection);
    return STEP_AGAIN;
  }
  size_t bytes;
  size_t length = connection->left < sizeof bulk ? connection->left : sizeof bulk;
  enum step step = transmit(connection, bulk, length, &bytes);
  connection->left -= bytes;
  return step;
}

static enum step echo(struct connection* connection) {
  size_t bytes;
  enum step step;
  if (connection->echo_from == connection->echo_to) {
    step = receive(connection, connection->echo, sizeof connection->echo, &bytes);
    connection->echo_from = 0;
    connection->echo_to = bytes;
  } else {
    step = transmit(connection, connection->echo + connection->echo_from,
                    connection->echo_to - connection->echo_from, &bytes);
    connection->echo_from += bytes;
  }
  return step;
}

static enum step advance(struct connection* connection) {
  if (connection->order_bytes < sizeof connection->order) return read_order(connection);
  switch (connection->order.exchange) {
    case EXCHANGE_SINK:
      return sink(connection);
    case EXCHANGE_SOURCE:
      return source(connection);
    case EXCHANGE_ECHO:
      return echo(connection);
    default:
      warnx("unknown order 0x%02x", connection->order.exchange);
      return STEP_CLOSED;
  }
}

static void serve(struct connection* connection) {
  enum step step;
  do step = advance(connection);
  while (step == STEP_AGAIN);
  if (step != STEP_CLOSED) return;
  close(connection->fd);
  free(connection);
}

static int listen_at_port(uint16_t port) {
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  const int on = 1;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      bind(listener, (struct sockaddr*)&address, sizeof address) != 0 ||
      listen(listener, kBacklog) != 0)
    err(1, "port %u", port);
  return listener;
}

static int listen_at(const char* path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) errx(2, "socket path too long: %s", path);
  strcpy(address.sun_path, path);
  unlink(path);
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener < 0 || bind(listener, (struct sockaddr*)&address, sizeof address) != 0 ||
      chmod(path, 0777) != 0 ||  // proxies drop to users of their own
      listen(listener, kBacklog) != 0)
    err(1, "%s", path);
  return listener;
}

static void accept_all(int listener) {
  int fd;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    struct connection* connection = calloc(1, sizeof *connection);
    if (connection == NULL) err(1, "calloc");
    connection->fd = fd;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0) err(1, "epoll_ctl");
  }
  if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) err(1, "accept");
}

int main(int argc, char** argv) {
  if (argc != 2) errx(2, "usage: backend SOCKET-PATH | PORT");
  unsigned long port = strtoul(argv[1], NULL, 10);
  int listener = port > 0 ? listen_at_port((uint16_t)port) : listen_at(argv[1]);
  poller = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  if (poller < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event) != 0) err(1, "epoll");
  for (;;) {
    struct epoll_event events[kEventsAtOnce];
    int ready = epoll_wait(poller, events, kEventsAtOnce, -1);
    if (ready < 0 && errno != EINTR) err(1, "epoll_wait");
    for (int i = 0; i < ready; i++) {
      if (events[i].data.ptr == NULL)
        accept_all(listener);
      else
        serve(events[i].data.ptr);
    }
  }
}
