// epoll(7), with a topic of the owner's for each descriptor, and a way to wake it from other
// threads.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <span>

#include "socket/descriptor.h"

namespace tlspool::pool {

/// What a descriptor is watched for.
struct Topic {
  /// One of those that the owner tells apart.
  uint8_t kind;
  /// Within the kind; below 2^56.
  uint64_t number = 0;
};

Topic topicOf(const epoll_event& event);

class Poller {
 public:
  /// @param woken comes when it was woken
  explicit Poller(Topic woken);
  /// False with errno if it could not be made.
  bool isGood() const { return good_; }

  bool add(int fd, uint32_t events, Topic topic);
  bool change(int fd, uint32_t events, Topic topic);
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

  bool control(int operation, int fd, uint32_t events, Topic topic);

  socket::Descriptor epoll_;
  socket::Descriptor bell_;
  bool good_;
  epoll_event ready_[kMost];
};

}  // namespace tlspool::pool
