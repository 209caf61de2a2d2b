// The functions that `src/native/supervisor` gives to JavaScript.
#pragma once

#include <node_api.h>

#include <cstdint>
#include <memory>

#include "supervisor/supervisor.h"

namespace tlspool::supervisor {

/// The supervisor that JavaScript knows by this number; nullptr if it has ended. Main thread only.
std::shared_ptr<Supervisor> supervisorOf(int64_t id);

void registerBinding(napi_env env, napi_value exports);

}  // namespace tlspool::supervisor
