#include "node/report.h"

#include <utility>

#include "node/values.h"

namespace tlspool::node {

Report::Report(const char* type, int64_t number, const char* kind, Describe describe)
    : type_(type), number_(number), kind_(kind), describe_(std::move(describe)) {}

napi_value Report::toJs(napi_env env) const {
  napi_value event = object(env);
  set(env, event, "type", string(env, type_));
  set(env, event, type_, node::number(env, static_cast<double>(number_)));
  set(env, event, "kind", string(env, kind_));
  if (describe_) describe_(env, event);
  return event;
}

}  // namespace tlspool::node
