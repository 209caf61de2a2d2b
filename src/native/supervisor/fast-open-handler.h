// TCP Fast Open by MSG_FASTOPEN (RFC 7413) connects and sends plaintext in one call, without
// connect(2): refused as on a kernel that has it not, so that programs connect in the usual way.
#pragma once

#include "supervisor/handler.h"

namespace tlspool::supervisor {

class FastOpenHandler : public Handler {
 public:
  std::vector<Trap> traps() const override;
  void handle(std::shared_ptr<Notification> call) override;
};

}  // namespace tlspool::supervisor
