// What a courier tells TypeScript (src/core/courier).
#pragma once

#include <node_api.h>

#include <cstdint>
#include <functional>

#include "courier/messages.h"

namespace tlspool::courier {

/// Writes properties of an event, on Node's main thread.
using Describe = std::function<void(napi_env, napi_value)>;

/// `{ type: 'courier', courier, listener, kind, …description }`. Any thread.
/// @param listener 0: it is about none
/// @param kind a literal
void report(int64_t courier, int64_t listener, const char* kind, Describe describe = nullptr);

/// The same about a question of TypeScript's: `{ …, question, message }`.
/// @param answer undefined if nullptr
void reportQuestion(int64_t courier, int64_t question, const char* kind,
                    const Message* answer = nullptr);

}  // namespace tlspool::courier
