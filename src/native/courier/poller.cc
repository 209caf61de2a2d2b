#include "courier/poller.h"

#include <sys/eventfd.h>
#include <unistd.h>

namespace tlspool::courier {

Poller::Poller(uint64_t wakeWord)
    : epoll_(epoll_create1(EPOLL_CLOEXEC)),
      bell_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      good_(add(bell_.number(), EPOLLIN, wakeWord)) {}

bool Poller::add(int fd, uint32_t events, uint64_t word) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = word;
  return epoll_ctl(epoll_.number(), EPOLL_CTL_ADD, fd, &event) == 0;
}

bool Poller::change(int fd, uint32_t events, uint64_t word) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = word;
  return epoll_ctl(epoll_.number(), EPOLL_CTL_MOD, fd, &event) == 0;
}

void Poller::remove(int fd) { epoll_ctl(epoll_.number(), EPOLL_CTL_DEL, fd, nullptr); }

void Poller::wake() { eventfd_write(bell_.number(), 1); }

void Poller::calm() {
  eventfd_t count;
  eventfd_read(bell_.number(), &count);
}

std::span<const epoll_event> Poller::wait(int timeout) {
  int count = epoll_wait(epoll_.number(), ready_, kMost, timeout);
  return {ready_, static_cast<size_t>(count < 0 ? 0 : count)};
}

}  // namespace tlspool::courier
