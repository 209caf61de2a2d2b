#include "supervisor/shared-listeners.h"

#include <sys/stat.h>

#include <iterator>

#include "supervisor/program-descriptors.h"
#include "supervisor/socket-facts.h"

namespace tlspool::supervisor {

using socket::Descriptor;

SharedListeners& SharedListeners::instance() {
  static SharedListeners* only = new SharedListeners;  // threads may outlive static destruction
  return *only;
}

void SharedListeners::add(uint64_t bound, int outside, int inside) {
  struct stat facts {};
  if (fstat(inside, &facts) != 0) return;
  std::lock_guard lock(mutex_);
  listeners_[bound] = {outside, facts.st_ino, cookieOf(inside)};
}

void SharedListeners::forget(int outside) {
  std::lock_guard lock(mutex_);
  for (auto each = listeners_.begin(); each != listeners_.end();) {
    each = each->second.outside == outside ? listeners_.erase(each) : std::next(each);
  }
}

Descriptor SharedListeners::find(uint64_t bound) {
  Shared shared{};
  {
    std::lock_guard lock(mutex_);
    auto found = listeners_.find(bound);
    if (found == listeners_.end()) return {};
    shared = found->second;
  }
  // Inode numbers are used again; cookies are not.
  return fetchFromAnybody(shared.inode, [&shared](const Descriptor& candidate) {
    return cookieOf(candidate.number()) == shared.cookie;
  });
}

}  // namespace tlspool::supervisor
