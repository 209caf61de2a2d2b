#include "node/owed-answer.h"

namespace tlspool::node {

OwedAnswer::~OwedAnswer() {
  if (!given_) refuse("engine-stopped", "the engine was stopped before it could answer");
}

void OwedAnswer::give(Answer::Value value) {
  given_ = true;
  postEvent(std::make_unique<Answer>(request_, std::move(value)));
}

void OwedAnswer::refuse(std::string code, std::string error) {
  given_ = true;
  postEvent(std::make_unique<Answer>(request_, std::move(code), std::move(error)));
}

}  // namespace tlspool::node
