// One descriptor's entry in an epoll set. epoll follows the open file description, of which
// programs keep duplicates, so the entry is taken out before the descriptor is closed (epoll(7),
// Q6).
#pragma once

#include <sys/epoll.h>

#include <cstdint>

namespace tlspool::engine {

/// What epoll calls these interests.
constexpr uint32_t interest(bool readable, bool writable) {
  return (readable ? uint32_t{EPOLLIN} : 0) | (writable ? uint32_t{EPOLLOUT} : 0);
}

class Polled {
 public:
  /// Asks for exactly these events, with `key` to tell them by; no system call if nothing changed.
  /// False, and no event comes, if the kernel watches no more (ENOSPC, ENOMEM: epoll_ctl(2)).
  [[nodiscard]] bool want(int epoll, int fd, uint32_t events, uint64_t key) {
    if (added_ && events == events_) return true;
    epoll_event entry{};
    entry.events = events;
    entry.data.u64 = key;
    if (epoll_ctl(epoll, added_ ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &entry) != 0) return false;
    added_ = true;
    events_ = events;
    return true;
  }

  /// No events at all, not even EPOLLHUP, which `want` cannot turn off.
  void remove(int epoll, int fd) {
    if (added_) epoll_ctl(epoll, EPOLL_CTL_DEL, fd, nullptr);
    added_ = false;
    events_ = 0;
  }

  uint32_t events() const { return events_; }
  bool added() const { return added_; }

 private:
  uint32_t events_ = 0;
  bool added_ = false;
};

}  // namespace tlspool::engine
