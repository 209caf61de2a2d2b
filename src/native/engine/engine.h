// The engine as the main thread sees it: its workers and the sessions on them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/counters.h"
#include "engine/limits.h"
#include "engine/session.h"
#include "engine/tls-context.h"
#include "engine/work-pool.h"
#include "engine/worker.h"

namespace tlspool::engine {

/// Main thread only.
class Engine {
 public:
  /// Null while it does not run.
  static Engine* instance();

  /// False with a reason if the TLS library refuses our settings, or there are no means for a single
  /// thread. `threads` at least 1: fewer run where there are no means for so many.
  static bool start(int threads, const Limits& limits, std::string* reason);

  SessionId open(std::unique_ptr<SessionOptions> options);

  /// Runs on the session's thread, if it is still there.
  void tell(SessionId id, std::function<void(Session&)> what);
  /// The same, and `otherwise` if it is not.
  void ask(SessionId id, std::function<void(Session&)> what, std::function<void()> otherwise);

  /// Null once `closed` was told.
  std::shared_ptr<Counters> counters(SessionId id) const;
  /// Called for each `closed` event.
  static void forgetSession(SessionId id);

  TlsContext& tls() { return *tls_; }
  WorkPool& pool() { return pool_; }
  /// Sessions and lingering sockets on all threads.
  size_t residents() const;
  /// Those of them that will be told of a time.
  size_t scheduled() const;

  /// Ends all sessions and threads.
  void stop();

 private:
  Engine() = default;
  static void atExit();
  Worker& workerOf(SessionId id) { return *workers_[id % workers_.size()]; }

  std::unique_ptr<TlsContext> tls_;
  std::vector<std::unique_ptr<Worker>> workers_;
  WorkPool pool_;
  std::unordered_map<SessionId, std::shared_ptr<Counters>> sessions_;
};

}  // namespace tlspool::engine
