#include "supervisor/questions.h"

#include <memory>
#include <utility>

#include "node/event.h"

namespace tlspool::supervisor {

namespace {

class SupervisorEvent : public node::Event {
 public:
  SupervisorEvent(double supervisor, std::string kind, int64_t question, Describe description)
      : supervisor_(supervisor),
        kind_(std::move(kind)),
        question_(question),
        describe_(std::move(description)) {}

  napi_value toJs(napi_env env) const override {
    napi_value event = node::object(env);
    node::set(env, event, "type", node::string(env, "supervisor"));
    node::set(env, event, "supervisor", node::number(env, supervisor_));
    node::set(env, event, "kind", node::string(env, kind_));
    if (question_ != 0) {
      node::set(env, event, "question", node::number(env, static_cast<double>(question_)));
    }
    if (describe_) describe_(env, event);
    return event;
  }

 private:
  double supervisor_;
  std::string kind_;
  int64_t question_;
  Describe describe_;
};

}  // namespace

void Questions::ask(const char* kind, Describe description, Understand answered, Job success) {
  int64_t question;
  {
    std::lock_guard lock(mutex_);
    question = ++last_;
    waiting_.emplace(question, Waiting{std::move(answered), std::move(success)});
  }
  node::postEvent(
      std::make_unique<SupervisorEvent>(supervisor_, kind, question, std::move(description)));
}

void Questions::tell(const char* kind, Describe description) {
  node::postEvent(std::make_unique<SupervisorEvent>(supervisor_, kind, 0, std::move(description)));
}

void Questions::answer(int64_t question, const node::Fields& fields) {
  auto waiting = take(question);
  if (!waiting) return;
  if (Job job = waiting->understand(fields)) run_(std::move(job));
}

void Questions::succeed(int64_t question) {
  auto waiting = take(question);
  if (waiting && waiting->success) waiting->success();
}

std::optional<Questions::Waiting> Questions::take(int64_t question) {
  std::lock_guard lock(mutex_);
  auto found = waiting_.find(question);
  if (found == waiting_.end()) return std::nullopt;
  Waiting waiting = std::move(found->second);
  waiting_.erase(found);
  return waiting;
}

}  // namespace tlspool::supervisor
