// listen(2): the program's TCP listener becomes one of the private network, and clients come to a
// listener of ours in its place. Whether that is to happen is TypeScript's decision ("listen"); it
// gets our listener when it has happened ("listening"), or hears that there is none ("forgone").
#pragma once

#include <mutex>

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
  /// False if there is no new listener of ours: the call failed, or shares one that there is.
  bool wrap(Notification& call, socket::Descriptor listener, double id);
  void refuse(Notification& call, int error, const char* reason);

  Questions& questions_;
  std::mutex wrapping_;
};

}  // namespace tlspool::supervisor
