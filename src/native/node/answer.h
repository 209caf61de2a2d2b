// The answer to a request that returned a promise: `{ type: 'answer', request, value }`, or with
// `error` and `code` instead of a value.
#pragma once

#include <functional>
#include <string>

#include "node/event.h"
#include "node/values.h"

namespace tlspool::node {

class Answer : public Event {
 public:
  /// Builds the value on the main thread.
  using Value = std::function<napi_value(napi_env)>;

  Answer(double request, Value value) : request_(request), value_(std::move(value)) {}
  Answer(double request, std::string code, std::string error)
      : request_(request), code_(std::move(code)), error_(std::move(error)) {}

  napi_value toJs(napi_env env) const override;

 private:
  double request_;
  Value value_;
  std::string code_;
  std::string error_;
};

}  // namespace tlspool::node
