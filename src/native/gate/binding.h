// The functions that `src/native/gate` gives to JavaScript.
#pragma once

#include <node_api.h>

namespace tlspool::gate {

void registerBinding(napi_env env, napi_value exports);

}  // namespace tlspool::gate
