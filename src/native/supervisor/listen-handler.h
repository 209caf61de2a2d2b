// listen(2): the program's TCP listener becomes one of the private network, and clients come to a
// listener of ours in its place. Whether that is to happen is TypeScript's decision ("listen"); it
// gets our listener when it has happened ("listening").
#pragma once

#include "supervisor/handler.h"
#include "supervisor/questions.h"

namespace tlspool::supervisor {

class ListenHandler : public Handler {
 public:
  explicit ListenHandler(Questions& questions) : questions_(questions) {}

  std::vector<Trap> traps() const override;
  void handle(std::shared_ptr<Notification> call) override;

 private:
  void decide(std::shared_ptr<Notification> call, socket::Descriptor listener);
  void refuse(Notification& call, int error, const char* reason);

  Questions& questions_;
};

}  // namespace tlspool::supervisor
