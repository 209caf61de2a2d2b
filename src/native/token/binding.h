// The functions that `src/native/token` gives to JavaScript.
#pragma once

#include <node_api.h>

namespace tlspool::token {

void registerBinding(napi_env env, napi_value exports);

}  // namespace tlspool::token
