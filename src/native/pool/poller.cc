#include "pool/poller.h"

#include <sys/eventfd.h>
#include <unistd.h>

namespace tlspool::pool {

namespace {

constexpr int kNumberBits = 56;

}  // namespace

Topic topicOf(const epoll_event& event) {
  uint64_t word = event.data.u64;
  return {static_cast<uint8_t>(word >> kNumberBits), word & ((uint64_t{1} << kNumberBits) - 1)};
}

Poller::Poller(Topic woken)
    : epoll_(epoll_create1(EPOLL_CLOEXEC)),
      bell_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      good_(add(bell_.number(), EPOLLIN, woken)) {}

bool Poller::add(int fd, uint32_t events, Topic topic) {
  return control(EPOLL_CTL_ADD, fd, events, topic);
}

bool Poller::change(int fd, uint32_t events, Topic topic) {
  return control(EPOLL_CTL_MOD, fd, events, topic);
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

bool Poller::control(int operation, int fd, uint32_t events, Topic topic) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = uint64_t{topic.kind} << kNumberBits | topic.number;
  return epoll_ctl(epoll_.number(), operation, fd, &event) == 0;
}

}  // namespace tlspool::pool
