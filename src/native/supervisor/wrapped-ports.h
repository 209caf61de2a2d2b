// The ports on which clients come to us in the program's place.
#pragma once

#include <map>
#include <mutex>

namespace tlspool::supervisor {

/// Counted: several listeners may share a port, on other addresses or by SO_REUSEPORT.
class WrappedPorts {
 public:
  static WrappedPorts& instance();

  void add(int port);
  void remove(int port);
  bool has(int port);

 private:
  std::mutex mutex_;
  std::map<int, int> listeners_;
};

}  // namespace tlspool::supervisor
