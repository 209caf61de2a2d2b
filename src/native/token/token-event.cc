#include "token/token-event.h"

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

}  // namespace

void postTokenEvent(const std::string& token, const char* state, CK_RV error) {
  node::postEvent(
      std::make_unique<TokenEvent>(token, state, error == CKR_OK ? "" : returnValueName(error)));
}

}  // namespace tlspool::token
