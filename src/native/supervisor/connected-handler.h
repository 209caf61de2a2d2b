// What the program asks about sockets that it connected through a gate: getsockname(2) and
// getpeername(2) tell the real connection's addresses, SO_ERROR the errno that was chosen for a
// failure. About other sockets the kernel answers.
#pragma once

#include "supervisor/handler.h"

namespace tlspool::supervisor {

class ConnectedHandler : public Handler {
 public:
  std::vector<Trap> traps() const override;
  void handle(std::shared_ptr<Notification> call) override;
};

}  // namespace tlspool::supervisor
