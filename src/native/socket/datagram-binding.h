// Sockets of datagrams for JavaScript, see src/core/engine/sockets.ts.
#pragma once

#include <node_api.h>

namespace tlspool::socket {

void registerDatagrams(napi_env env, napi_value exports);

}  // namespace tlspool::socket
