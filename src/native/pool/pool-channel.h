// A thread's connection to the pool: messages come and go in one piece, descriptors beside what
// goes.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "pool/messages.h"
#include "socket/descriptor.h"

namespace tlspool::pool {

class PoolChannel {
 public:
  /// @param fd connected, and known to the pool (PING)
  explicit PoolChannel(socket::Descriptor fd) : fd_(std::move(fd)) {}

  int number() const { return fd_.number(); }

  /// Now, or when the pool has read what was sent before; the descriptor goes with the first byte.
  /// False with errno: the connection is broken.
  bool send(const unsigned char* bytes, size_t length, socket::Descriptor fd = {});
  /// Sends what waits.
  bool flush();
  bool hasWaiting() const { return !waiting_.empty(); }

  /// Calls `message` for each that is there. False with errno at the connection's end, 0 if the
  /// pool closed it in good order.
  bool receive(const std::function<void(const Message&)>& message);

 private:
  struct Waiting {
    std::vector<unsigned char> bytes;
    socket::Descriptor fd;
  };

  socket::Descriptor fd_;
  std::deque<Waiting> waiting_;
  Message partial_;
  size_t filled_ = 0;
};

}  // namespace tlspool::pool
