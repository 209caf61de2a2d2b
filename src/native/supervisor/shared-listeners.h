// Which listener of the private network stands for which socket that the program bound. Processes
// that have a bound socket in common (made before a fork) each call listen(2) on it, and are to
// have one listener in common as well.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <mutex>

#include "socket/descriptor.h"

namespace tlspool::supervisor {

class SharedListeners {
 public:
  static SharedListeners& instance();

  /// @param bound cookie of the socket that the program bound
  /// @param outside descriptor that clients come to, until `forget`
  void add(uint64_t bound, int outside, int inside);

  /// Before `outside` is closed.
  void forget(int outside);

  /// The listener that stands for it, fetched from whichever process has it, because we hold none
  /// ourselves (listener-life.h); empty if there is none, or nobody has it any more.
  socket::Descriptor find(uint64_t bound);

 private:
  struct Shared {
    int outside;
    ino_t inode;
    uint64_t cookie;
  };

  std::mutex mutex_;
  std::map<uint64_t, Shared> listeners_;
};

}  // namespace tlspool::supervisor
