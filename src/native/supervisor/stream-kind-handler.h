// SCTP, DCCP and SMC carry streams, or TCP itself by another name, on sockets that TLS cannot be
// put on; some send without connect(2). They are refused as on a kernel that has them not, and wrap
// tells of it.
#pragma once

#include "supervisor/handler.h"
#include "supervisor/questions.h"

namespace tlspool::supervisor {

class StreamKindHandler : public Handler {
 public:
  explicit StreamKindHandler(Questions& questions) : questions_(questions) {}

  std::vector<Trap> traps() const override;
  void handle(std::shared_ptr<Notification> call) override;

 private:
  Questions& questions_;
};

}  // namespace tlspool::supervisor
