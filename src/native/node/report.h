// What a part of the engine, of which there may be several (couriers, supervisors, …), tells
// JavaScript.
#pragma once

#include <node_api.h>

#include <cstdint>
#include <functional>

#include "node/event.h"

namespace tlspool::node {

/// Writes properties of an event, on Node's main thread.
using Describe = std::function<void(napi_env, napi_value)>;

/// `{ type, [type]: number, kind, …description }`
class Report : public Event {
 public:
  /// @param type a literal
  /// @param number which one it is of that type, as JavaScript knows it
  /// @param kind a literal
  /// @param describe may be empty
  Report(const char* type, int64_t number, const char* kind, Describe describe);

  napi_value toJs(napi_env env) const override;

 private:
  const char* type_;
  int64_t number_;
  const char* kind_;
  Describe describe_;
};

}  // namespace tlspool::node
