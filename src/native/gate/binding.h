// The functions that `src/native/gate` gives to JavaScript.
#pragma once

#include <node_api.h>

#include <cstdint>

#include "gate/gate.h"

namespace tlspool::gate {

/// The gate that JavaScript knows by this number, which lives as long as the process; nullptr if
/// there is none. Main thread only.
const Gate* gateOf(int64_t gate);

void registerBinding(napi_env env, napi_value exports);

}  // namespace tlspool::gate
