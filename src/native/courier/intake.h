// The listeners of a courier to which clients come for one purpose.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "courier/way.h"
#include "node/values.h"
#include "pool/poller.h"
#include "socket/descriptor.h"

namespace tlspool::courier {

using Clock = std::chrono::steady_clock;

class Intake {
 public:
  struct Order {
    std::vector<socket::Descriptor> listeners;
    /// Messages for each client, the STARTTLS itself last (pool::RequestNumbers).
    node::Bytes request;
    /// Clients on their way at once.
    size_t limit;
    Ways ways;
  };

  /// @param topic of the poller, for its listeners
  Intake(pool::Topic topic, Order order) : topic_(topic), order_(std::move(order)) {}

  /// Watches the listeners while clients may come, and there is room for one more; rests where they
  /// cannot be watched.
  void attend(pool::Poller& poller, bool mayCome);

  /// The next client, which is on its way until `left`; empty when none can be taken now.
  /// `*failure` is the errno of a listener that works no more; all are closed then.
  socket::Descriptor next(pool::Poller& poller, int* failure);
  /// Takes nobody for a moment.
  void rest(pool::Poller& poller);
  /// One is not on its way any more.
  void left() { underway_--; }

  /// No more clients come.
  void close(pool::Poller& poller);
  bool isOver() const { return order_.listeners.empty() && underway_ == 0; }

  /// To be put under the number of a request and sent.
  node::Bytes& request() { return order_.request; }
  std::unique_ptr<Way> wayOf(int accepted) const { return order_.ways(accepted); }
  /// When it has rested; nothing if it does not.
  std::optional<Clock::time_point> restsUntil() const { return restsUntil_; }
  void wakeUp() { restsUntil_.reset(); }

 private:
  socket::Descriptor acceptOne();

  pool::Topic topic_;
  Order order_;
  /// Whose turn it is.
  size_t next_ = 0;
  size_t underway_ = 0;
  bool watched_ = false;
  std::optional<Clock::time_point> restsUntil_;
};

}  // namespace tlspool::courier
