// Faults on purpose, in builds with sanitizers only: a run that finds none of these proves nothing.
#pragma once

#include <node_api.h>

namespace tlspool::sanitizer {

/// Adds `seedFault(kind)`, for an engine of two threads: `use-after-free` and `overflow` happen on
/// one of them, `race` on both, `parked-stack` on the stack of a job that was parked and resumed.
void registerSeededFaults(napi_env env, napi_value exports);

}  // namespace tlspool::sanitizer
