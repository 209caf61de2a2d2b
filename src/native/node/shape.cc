#include "node/shape.h"

#include <cassert>
#include <unordered_map>

#include "node/values.h"

namespace tlspool::node {

namespace {

/// The functions that make objects, in the environment of this thread.
struct Makers {
  napi_env env = nullptr;
  std::unordered_map<const Shape*, napi_ref> known;
};

}  // namespace

napi_value Shape::make(napi_env env, std::initializer_list<napi_value> values) const {
  assert(values.size() == names_.size());
  napi_value result = nullptr;
  napi_value function = maker(env);
  if (!function || napi_call_function(env, undefined(env), function, values.size(), values.begin(),
                                      &result) != napi_ok) {
    return undefined(env);
  }
  return result;
}

napi_value Shape::maker(napi_env env) const {
  thread_local Makers makers;
  if (makers.env != env) makers = {env, {}};
  napi_value function = nullptr;
  auto found = makers.known.find(this);
  if (found != makers.known.end()) {
    napi_get_reference_value(env, found->second, &function);
    return function;
  }
  if (napi_run_script(env, string(env, source()), &function) != napi_ok) return nullptr;
  napi_ref reference = nullptr;
  if (napi_create_reference(env, function, 1, &reference) == napi_ok) {
    makers.known.emplace(this, reference);
  }
  return function;
}

std::string Shape::source() const {
  std::string parameters;
  std::string properties;
  for (size_t i = 0; i < names_.size(); i++) {
    const std::string parameter = "a" + std::to_string(i);
    const char* comma = i == 0 ? "" : ",";
    parameters += comma + parameter;
    properties += comma + std::string(names_[i]) + ":" + parameter;
  }
  return "((" + parameters + ")=>({" + properties + "}))";
}

}  // namespace tlspool::node
