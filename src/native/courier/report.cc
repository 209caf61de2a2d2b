#include "courier/report.h"

#include <memory>
#include <utility>

#include "node/event.h"
#include "node/values.h"

namespace tlspool::courier {

namespace {

class CourierEvent : public node::Event {
 public:
  CourierEvent(int64_t courier, int64_t listener, const char* kind, Describe describe)
      : courier_(courier), listener_(listener), kind_(kind), describe_(std::move(describe)) {}

  napi_value toJs(napi_env env) const override {
    napi_value event = node::object(env);
    node::set(env, event, "type", node::string(env, "courier"));
    node::set(env, event, "courier", node::number(env, static_cast<double>(courier_)));
    node::set(env, event, "listener", node::number(env, static_cast<double>(listener_)));
    node::set(env, event, "kind", node::string(env, kind_));
    if (describe_) describe_(env, event);
    return event;
  }

 private:
  int64_t courier_;
  int64_t listener_;
  const char* kind_;
  Describe describe_;
};

}  // namespace

void report(int64_t courier, int64_t listener, const char* kind, Describe describe) {
  node::postEvent(std::make_unique<CourierEvent>(courier, listener, kind, std::move(describe)));
}

void reportQuestion(int64_t courier, int64_t question, const char* kind, const Message* answer) {
  node::Bytes bytes;
  if (answer) bytes.assign(answer->begin(), answer->end());
  report(courier, 0, kind, [question, bytes](napi_env env, napi_value event) {
    node::set(env, event, "question", node::number(env, static_cast<double>(question)));
    if (!bytes.empty()) node::set(env, event, "message", node::buffer(env, bytes));
  });
}

}  // namespace tlspool::courier
