// What is done about some of the program's system calls: one class a concept, listed in
// handlers.cc.
#pragma once

#include <memory>
#include <vector>

#include "supervisor/notification.h"
#include "supervisor/trap.h"

namespace tlspool::supervisor {

class Handler {
 public:
  virtual ~Handler() = default;

  virtual std::vector<Trap> traps() const = 0;

  /// Several handlers may trap the same call: the first of handlers.cc that wants it gets it, and
  /// one that nobody wants is the kernel's. Must not wait.
  virtual bool wants(const Notification&) { return true; }

  /// Called for each trap, on one of the supervisor's threads, several at once. It must not wait
  /// for anything long: what takes time keeps the notification and answers it later, from any
  /// thread (Questions::ask is such a way). The kernel may ask the same again: a call whose answer
  /// got lost to a signal is restarted, so what is done twice must be as good as done once.
  virtual void handle(std::shared_ptr<Notification> call) = 0;
};

}  // namespace tlspool::supervisor
