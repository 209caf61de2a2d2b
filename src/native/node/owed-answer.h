// An answer that a request waits for. It is given once; when nobody is left who could give it, the
// request is told so: whoever waits is never forgotten.
#pragma once

#include <memory>

#include "node/answer.h"

namespace tlspool::node {

/// Any thread, but one at a time.
class OwedAnswer {
 public:
  explicit OwedAnswer(double request) : request_(request) {}
  ~OwedAnswer();

  OwedAnswer(const OwedAnswer&) = delete;
  OwedAnswer& operator=(const OwedAnswer&) = delete;

  /// `value` makes it, on the main thread.
  void give(Answer::Value value);
  void refuse(std::string code, std::string error);

 private:
  const double request_;
  bool given_ = false;
};

/// Shared by the copies of the one piece of work that gives it.
using Owed = std::shared_ptr<OwedAnswer>;

}  // namespace tlspool::node
