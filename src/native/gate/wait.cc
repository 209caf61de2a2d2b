#include "gate/wait.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "gate/outgoing.h"
#include "supervisor/socket-facts.h"
#include "supervisor/task.h"

namespace tlspool::gate {

namespace {

Wait failed(int error, const char* step) {
  Wait wait;
  wait.error = error;
  wait.step = step;
  return wait;
}

}  // namespace

Wait beginWait(const Gate& gate, int fd, uint64_t cookie, const socket::Address& destination) {
  Upstream upstream = connectLike(fd, destination);
  if (!upstream.fd) return failed(upstream.error, upstream.step);
  SetAside aside;
  if (!prepareToWait(fd, &aside)) return failed(errno, "gate");
  Outgoing::instance().remember(cookie, {.local = upstream.local, .remote = destination});
  if (int error = gate.hold(fd)) {
    putBack(fd, aside);
    Outgoing::instance().forget(cookie);
    return failed(error, "gate");
  }
  Wait wait;
  wait.upstream = std::move(upstream.fd);
  wait.waiting = supervisor::localAddressOf(fd);
  wait.aside = aside;
  return wait;
}

bool haveMet(const Gate& gate, int end, const WaitingSocket& waiting) {
  if (!isEstablished(end)) return false;
  socket::Descriptor own = supervisor::Task(waiting.thread).fetch(waiting.descriptor);
  if (!own || supervisor::cookieOf(own.number()) != waiting.cookie || !gate.meets(own.number()))
    return false;
  putBack(own.number(), waiting.aside);
  return true;
}

bool isEstablished(int fd) {
  pollfd state{fd, POLLOUT, 0};
  return poll(&state, 1, 0) == 1 && (state.revents & (POLLOUT | POLLERR | POLLHUP)) == POLLOUT;
}

}  // namespace tlspool::gate
