// What passes between the peer and the program once the handshake is done, as a session drives it:
// a stream (Relay) or datagrams (DatagramRelay).
#pragma once

#include <cstdint>
#include <optional>

#include "engine/end.h"
#include "engine/worker.h"

namespace tlspool::engine {

class Traffic {
 public:
  virtual ~Traffic() = default;

  /// A descriptor is ready, or it is this session's turn again. What is ready is only looked at for
  /// ends that cannot be read.
  virtual void run(Side side, uint32_t events) = 0;
  virtual void runBoth() = 0;
  /// Passes on what has come in, then ends both directions.
  virtual void drain() = 0;

  /// How it ended, once it did.
  const std::optional<End>& end() const { return end_; }
  /// A turn was used up: call `runBoth` after the others had theirs.
  bool wantsTurn() const { return wantsTurn_; }
  /// Only what the peer sends in vain is waited for: `giveUp` if that lasts.
  bool lingers() const { return lingers_; }
  virtual void giveUp() = 0;
  /// Worker time of the last byte in either direction.
  uint64_t lastActive() const { return lastActive_; }

  void setEpollKeys(uint64_t netKey, uint64_t plainKey) {
    netKey_ = netKey;
    plainKey_ = plainKey;
  }

 protected:
  uint64_t netKey_ = 0;
  uint64_t plainKey_ = 0;
  uint64_t lastActive_ = 0;
  bool wantsTurn_ = false;
  bool lingers_ = false;
  std::optional<End> end_;
};

}  // namespace tlspool::engine
