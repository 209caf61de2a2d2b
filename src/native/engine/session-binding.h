// Sessions and what they show, as JavaScript has them.
#pragma once

#include <node_api.h>

namespace tlspool::engine {

void registerSessions(napi_env env, napi_value exports);

}  // namespace tlspool::engine
