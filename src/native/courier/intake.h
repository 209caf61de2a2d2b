// One listener of a courier, to which clients of the program come.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "courier/poller.h"
#include "node/values.h"
#include "socket/descriptor.h"

namespace tlspool::courier {

using Clock = std::chrono::steady_clock;

class Intake {
 public:
  /// @param word of the poller
  /// @param request as of Courier::serve
  /// @param limit clients on their way at once
  Intake(uint64_t word, socket::Descriptor listener, node::Bytes request, size_t limit);

  /// Watches the listener while clients may come, and there is room for one more.
  void attend(Poller& poller, bool mayCome);

  /// The next client, which is on its way until `left`; empty when none can be taken now.
  /// `*failure` is the errno of a listener that works no more, and is closed.
  socket::Descriptor next(Poller& poller, int* failure);
  /// Takes nobody for a moment.
  void rest(Poller& poller);
  /// One is not on its way any more.
  void left() { underway_--; }

  /// No more clients come.
  void close(Poller& poller);
  bool isOver() const { return !listener_ && underway_ == 0; }

  /// To be put under the number of a request and sent.
  node::Bytes& request() { return request_; }
  /// When it has rested; nothing if it does not.
  std::optional<Clock::time_point> restsUntil() const { return restsUntil_; }
  void wakeUp() { restsUntil_.reset(); }

 private:
  uint64_t word_;
  socket::Descriptor listener_;
  node::Bytes request_;
  size_t limit_;
  size_t underway_ = 0;
  bool watched_ = false;
  std::optional<Clock::time_point> restsUntil_;
};

}  // namespace tlspool::courier
