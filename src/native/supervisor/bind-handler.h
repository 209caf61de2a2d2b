// bind(2): a program that closed its listener may take its port again at once. Clients came to a
// listener of ours there, which may not have heard yet that the program's is gone; so a port of
// ours is looked at first ("vacate"), and then the kernel decides.
#pragma once

#include "supervisor/handler.h"
#include "supervisor/questions.h"

namespace tlspool::supervisor {

class BindHandler : public Handler {
 public:
  explicit BindHandler(Questions& questions) : questions_(questions) {}

  std::vector<Trap> traps() const override;
  bool wants(const Notification& call) override;
  void handle(std::shared_ptr<Notification> call) override;

 private:
  Questions& questions_;
};

}  // namespace tlspool::supervisor
