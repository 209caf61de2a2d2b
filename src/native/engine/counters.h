// Bytes and records of one session: written by its thread, read by any.
#pragma once

#include <time.h>

#include <atomic>
#include <cstdint>

namespace tlspool::engine {

/// ms of the monotonic clock.
inline uint64_t monotonicTime() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1000 + time.tv_nsec / 1000000;
}

/// A count with one writer.
class Count {
 public:
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }
  void add(uint64_t amount) { value_.store(value() + amount, std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

/// `in` is from the TLS peer, `out` towards it. Bytes are the program's, records TLS's.
struct Counters {
  Count bytesIn;
  Count bytesOut;
  Count recordsIn;
  Count recordsOut;
  /// Datagrams that were lost between the program and the network, see DatagramRelay; 0 for streams.
  Count lostIn;
  Count lostOut;
  const uint64_t opened = monotonicTime();
};

}  // namespace tlspool::engine
