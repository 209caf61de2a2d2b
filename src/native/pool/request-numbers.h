// The numbers that tell requests apart that are on their way over one connection to the pool.
#pragma once

#include <cstddef>
#include <cstdint>

#include "node/values.h"
#include "pool/messages.h"

namespace tlspool::pool {

class RequestNumbers {
 public:
  /// Puts the messages of one request under the next number that is free, which is returned; 0 if
  /// none is.
  /// @param inUse sets, or maps by numbers, of the requests that are on their way
  template <class... InUse>
  uint16_t give(node::Bytes* request, const InUse&... inUse) {
    if ((inUse.size() + ...) >= kMost) return 0;
    do {
      last_++;
    } while (last_ == 0 || (inUse.contains(last_) || ...));
    putNumber(request, last_);
    return last_;
  }

 private:
  /// 16 bits, 0 not among them.
  static constexpr size_t kMost = 0xffff;

  uint16_t last_ = 0;
};

}  // namespace tlspool::pool
