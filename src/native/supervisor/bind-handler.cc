#include "supervisor/bind-handler.h"

#include <sys/syscall.h>

#include "supervisor/socket-facts.h"
#include "supervisor/wrapped-ports.h"

namespace tlspool::supervisor {

namespace {

int port(const Notification& call) {
  auto address = call.readAddress(1, 2);
  return address ? portOf(*address) : 0;
}

}  // namespace

std::vector<Trap> BindHandler::traps() const { return {{.number = SYS_bind}}; }

bool BindHandler::wants(const Notification& call) {
  return WrappedPorts::instance().has(port(call));
}

void BindHandler::handle(std::shared_ptr<Notification> call) {
  int wanted = port(*call);
  auto describe = [wanted](napi_env env, napi_value event) {
    node::set(env, event, "port", node::number(env, wanted));
  };
  questions_.ask("vacate", describe,
                 [call](const node::Fields&) -> Job { return [call] { call->proceed(); }; });
}

}  // namespace tlspool::supervisor
