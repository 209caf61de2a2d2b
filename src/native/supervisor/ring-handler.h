// io_uring makes system calls that no filter sees. Programs do without it where the kernel has
// none, and that is what they are told.
#pragma once

#include "supervisor/handler.h"

namespace tlspool::supervisor {

class RingHandler : public Handler {
 public:
  std::vector<Trap> traps() const override;
  void handle(std::shared_ptr<Notification> call) override;
};

}  // namespace tlspool::supervisor
