// The functions that `src/native/supervisor` gives to JavaScript.
#pragma once

#include <node_api.h>

namespace tlspool::supervisor {

void registerBinding(napi_env env, napi_value exports);

}  // namespace tlspool::supervisor
