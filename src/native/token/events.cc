#include "token/events.h"

#include "node/event.h"
#include "node/values.h"
#include "token/key.h"

namespace tlspool::token {

namespace {

class TokenEvent final : public node::Event {
 public:
  TokenEvent(std::string token, const char* state, std::string error)
      : token_(std::move(token)), state_(state), error_(std::move(error)) {}

  napi_value toJs(napi_env env) const override {
    napi_value event = node::object(env);
    node::set(env, event, "type", node::string(env, "token"));
    node::set(env, event, "token", node::string(env, token_));
    node::set(env, event, "state", node::string(env, state_));
    node::set(env, event, "error", node::string(env, error_));
    return event;
  }

 private:
  const std::string token_;
  const char* const state_;
  const std::string error_;
};

class Answer final : public node::Event {
 public:
  Answer(int64_t request, CK_RV rv, Bytes value)
      : request_(request), rv_(rv), value_(std::move(value)) {}

  napi_value toJs(napi_env env) const override {
    napi_value event = node::object(env);
    node::set(env, event, "type", node::string(env, "answer"));
    node::set(env, event, "request", node::number(env, static_cast<double>(request_)));
    if (rv_ == CKR_OK) {
      node::set(env, event, "value", node::buffer(env, value_));
      return event;
    }
    // The code says what it is, the error what it is called.
    node::set(env, event, "code", node::string(env, std::to_string(rv_)));
    node::set(env, event, "error", node::string(env, returnValueName(rv_)));
    return event;
  }

 private:
  const int64_t request_;
  const CK_RV rv_;
  const Bytes value_;
};

}  // namespace

void postTokenEvent(const std::string& token, const char* state, CK_RV error) {
  node::postEvent(
      std::make_unique<TokenEvent>(token, state, error == CKR_OK ? "" : returnValueName(error)));
}

void postAnswer(int64_t request, CK_RV rv) {
  node::postEvent(std::make_unique<Answer>(request, rv, Bytes()));
}

void postAnswer(int64_t request, Bytes value) {
  node::postEvent(std::make_unique<Answer>(request, CKR_OK, std::move(value)));
}

}  // namespace tlspool::token
