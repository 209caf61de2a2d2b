// The functions that `src/native/process` gives to JavaScript: what a daemon does to itself.
#pragma once

#include <node_api.h>

namespace tlspool::process {

void registerBinding(napi_env env, napi_value exports);

}  // namespace tlspool::process
