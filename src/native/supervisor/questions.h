// What only TypeScript can decide: a question goes out as an event, its answer comes back as a job
// for the supervisor's threads. Until then no thread waits.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>

#include "node/report.h"
#include "node/values.h"

namespace tlspool::supervisor {

using Job = std::function<void()>;

/// Reads TypeScript's answer, on Node's main thread, into what is then to be done on another one.
using Understand = std::function<Job(const node::Fields&)>;

class Questions {
 public:
  /// @param run brings a job to the supervisor's threads
  Questions(int64_t supervisor, std::function<void(Job)> run)
      : supervisor_(supervisor), run_(std::move(run)) {}

  /// `{ type: 'supervisor', supervisor, kind, question, …description }`, to be answered by
  /// `answerTrap(supervisor, question, answer)`. Any thread.
  /// @param kind a literal
  /// @param success what `succeed` does; nullptr: only TypeScript answers
  void ask(const char* kind, node::Describe description, Understand answered,
           Job success = nullptr);

  /// `{ type: 'supervisor', supervisor, kind, …description }`. Any thread.
  /// @param kind a literal
  void tell(const char* kind, node::Describe description);

  /// Main thread. An answer that nobody waits for does nothing.
  void answer(int64_t question, const node::Fields& fields);

  /// Any thread: the outcome that was waited for is good, and TypeScript's own answer comes too late.
  /// Does nothing if the question was answered.
  void succeed(int64_t question);

 private:
  struct Waiting {
    Understand understand;
    Job success;
  };

  std::optional<Waiting> take(int64_t question);

  int64_t supervisor_;
  std::function<void(Job)> run_;
  std::mutex mutex_;
  std::map<int64_t, Waiting> waiting_;
  int64_t last_ = 0;
};

}  // namespace tlspool::supervisor
