// The functions that `src/native/courier` gives to JavaScript.
#pragma once

#include <node_api.h>

namespace tlspool::courier {

void registerBinding(napi_env env, napi_value exports);

}  // namespace tlspool::courier
