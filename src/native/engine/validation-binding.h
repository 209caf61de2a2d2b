// Questions about certificates of others, as JavaScript has them.
#pragma once

#include <node_api.h>

namespace tlspool::engine {

void registerValidation(napi_env env, napi_value exports);

}  // namespace tlspool::engine
