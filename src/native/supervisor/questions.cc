#include "supervisor/questions.h"

#include <memory>
#include <utility>

#include "node/event.h"
#include "node/values.h"

namespace tlspool::supervisor {

void Questions::ask(const char* kind, node::Describe description, Understand answered,
                    Job success) {
  int64_t question;
  {
    std::lock_guard lock(mutex_);
    question = ++last_;
    waiting_.emplace(question, Waiting{std::move(answered), std::move(success)});
  }
  tell(kind, [question, description = std::move(description)](napi_env env, napi_value event) {
    node::set(env, event, "question", node::number(env, static_cast<double>(question)));
    if (description) description(env, event);
  });
}

void Questions::tell(const char* kind, node::Describe description) {
  node::postEvent(
      std::make_unique<node::Report>("supervisor", supervisor_, kind, std::move(description)));
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
