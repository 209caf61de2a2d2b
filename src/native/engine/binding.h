// The functions that `src/native/engine` gives to JavaScript.
#pragma once

#include <node_api.h>

namespace tlspool::engine {

void registerBinding(napi_env env, napi_value exports);

}  // namespace tlspool::engine
