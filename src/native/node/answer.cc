#include "node/answer.h"

namespace tlspool::node {

napi_value Answer::toJs(napi_env env) const {
  napi_value result = object(env);
  set(env, result, "type", string(env, "answer"));
  set(env, result, "request", number(env, request_));
  if (value_) {
    set(env, result, "value", value_(env));
  } else {
    set(env, result, "code", string(env, code_));
    set(env, result, "error", string(env, error_));
  }
  return result;
}

}  // namespace tlspool::node
