#include "engine/binding.h"

#include <algorithm>

#include "async/park.h"
#include "engine/engine.h"
#include "engine/session-binding.h"
#include "engine/validation-binding.h"
#include "node/values.h"

namespace tlspool::engine {

namespace {

using node::Arguments;
using node::Fields;

/// `engineStart({ threads, keyUpdateRecords? })`
napi_value engineStart(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Fields options(env, arguments.value(0));
  if (Engine::instance()) {
    return node::throwError(env, "ERR_INVALID_STATE", "the engine runs already");
  }
  Limits limits;
  limits.keyUpdateRecords = static_cast<uint64_t>(
      options.integer("keyUpdateRecords", static_cast<int64_t>(limits.keyUpdateRecords)));
  constexpr int64_t kMostThreads = 1024;
  int threads = static_cast<int>(std::clamp<int64_t>(options.integer("threads", 1), 1, kMostThreads));
  std::string reason;
  if (!Engine::start(threads, limits, &reason)) {
    return node::throwError(env, "ERR_ENGINE", reason);
  }
  return node::undefined(env);
}

napi_value engineStop(napi_env env, napi_callback_info) {
  if (Engine::instance()) Engine::instance()->stop();
  return node::undefined(env);
}

/// For tests and status: `{ residents, scheduled, parkedJobs }`.
napi_value engineState(napi_env env, napi_callback_info) {
  Engine* engine = Engine::instance();
  napi_value result = node::object(env);
  auto count = [&](const char* name, size_t value) {
    node::set(env, result, name, node::number(env, static_cast<double>(value)));
  };
  count("residents", engine ? engine->residents() : 0);
  count("scheduled", engine ? engine->scheduled() : 0);
  node::set(env, result, "parkedJobs", node::number(env, async::parkedJobs()));
  return result;
}

napi_value dropTickets(napi_env env, napi_callback_info) {
  if (Engine* engine = Engine::instance()) {
    engine->tls().ticketKeys().forget();
    engine->tls().clientSessions().forget();
  }
  return node::undefined(env);
}

}  // namespace

void registerBinding(napi_env env, napi_value exports) {
  node::addMethods(env, exports,
                   {{"engineStart", engineStart},
                    {"engineStop", engineStop},
                    {"engineState", engineState},
                    {"dropTickets", dropTickets}});
  registerSessions(env, exports);
  registerValidation(env, exports);
}

}  // namespace tlspool::engine
