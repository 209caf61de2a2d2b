#include "supervisor/handlers.h"

#include "supervisor/bind-handler.h"
#include "supervisor/connect-handler.h"
#include "supervisor/connected-handler.h"
#include "supervisor/fast-open-handler.h"
#include "supervisor/filter.h"
#include "supervisor/listen-handler.h"
#include "supervisor/ring-handler.h"
#include "supervisor/stream-kind-handler.h"

namespace tlspool::supervisor {

std::vector<std::unique_ptr<Handler>> makeHandlers(Questions& questions) {
  std::vector<std::unique_ptr<Handler>> handlers;
  handlers.push_back(std::make_unique<ListenHandler>(questions));
  handlers.push_back(std::make_unique<BindHandler>(questions));
  handlers.push_back(std::make_unique<RingHandler>());
  handlers.push_back(std::make_unique<ConnectHandler>(questions));
  handlers.push_back(std::make_unique<ConnectedHandler>());
  handlers.push_back(std::make_unique<FastOpenHandler>());
  handlers.push_back(std::make_unique<StreamKindHandler>(questions));
  return handlers;
}

std::vector<sock_filter> filterOfHandlers(bool names) {
  Questions nobody(0, [](Job) {});
  std::vector<Trap> traps;
  for (const auto& handler : makeHandlers(nobody)) {
    for (Trap& trap : handler->traps()) {
      if (names || !trap.forNames) traps.push_back(std::move(trap));
    }
  }
  return filterFor(traps);
}

}  // namespace tlspool::supervisor
