// Readiness of a descriptor on Node's own event loop (uv_poll).
#pragma once

#include <node_api.h>

#include "node/values.h"

namespace tlspool::socket {

/// Adds `watchStart(fd, readable, writable, callback(readable, writable)) → id`,
/// `watchUpdate(id, readable, writable)`, `watchClose(id)`, `watchRef(id)`, `watchUnref(id)`.
/// libuv makes the descriptor non-blocking and allows one watch per open descriptor number. A watch
/// must be closed before its descriptor is. An error of the descriptor shows as both kinds of
/// ready.
void registerWatch(napi_env env, napi_value exports);

}  // namespace tlspool::socket
