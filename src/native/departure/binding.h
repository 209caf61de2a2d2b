// The functions that `src/native/departure` gives to JavaScript.
#pragma once

#include <node_api.h>

namespace tlspool::departure {

void registerBinding(napi_env env, napi_value exports);

}  // namespace tlspool::departure
