// epoll(7), with a word of the owner's for each descriptor, and a way to wake it from other
// threads.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <span>

#include "socket/descriptor.h"

namespace tlspool::courier {

class Poller {
 public:
  /// @param wakeWord comes when it was woken
  explicit Poller(uint64_t wakeWord);
  /// False with errno if it could not be made.
  bool isGood() const { return good_; }

  bool add(int fd, uint32_t events, uint64_t word);
  bool change(int fd, uint32_t events, uint64_t word);
  void remove(int fd);

  /// Any thread.
  void wake();
  /// After a wake was noticed.
  void calm();

  /// @param timeout ms; -1: none
  /// @return those that are ready, until the next call
  std::span<const epoll_event> wait(int timeout);

 private:
  static constexpr int kMost = 64;

  socket::Descriptor epoll_;
  socket::Descriptor bell_;
  bool good_;
  epoll_event ready_[kMost];
};

}  // namespace tlspool::courier
