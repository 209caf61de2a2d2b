// The functions that `src/native/socket` gives to JavaScript.
#pragma once

#include <node_api.h>

namespace tlspool::socket {

void registerBinding(napi_env env, napi_value exports);

}  // namespace tlspool::socket
