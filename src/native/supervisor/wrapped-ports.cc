#include "supervisor/wrapped-ports.h"

namespace tlspool::supervisor {

WrappedPorts& WrappedPorts::instance() {
  static WrappedPorts* only = new WrappedPorts;  // threads may outlive static destruction
  return *only;
}

void WrappedPorts::add(int port) {
  std::lock_guard lock(mutex_);
  listeners_[port]++;
}

void WrappedPorts::remove(int port) {
  std::lock_guard lock(mutex_);
  auto found = listeners_.find(port);
  if (found != listeners_.end() && --found->second <= 0) listeners_.erase(found);
}

bool WrappedPorts::has(int port) {
  std::lock_guard lock(mutex_);
  return listeners_.count(port) > 0;
}

}  // namespace tlspool::supervisor
