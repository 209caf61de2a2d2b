// A thread for work that takes a while and belongs to no session: building and checking certificate
// paths. It starts with the first piece of work.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

#include "async/thread.h"

namespace tlspool::engine {

class WorkPool {
 public:
  using Work = std::function<void()>;

  ~WorkPool() { stop(); }

  /// Main thread, on which it is done at once where there are no means for another. After `stop` it is
  /// dropped.
  void add(Work work);

  /// Main thread. Waits for what runs, drops what does not run yet.
  void stop();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Work> waiting_;
  /// Written by the main thread.
  bool stopped_ = false;
  async::Thread thread_;
};

}  // namespace tlspool::engine
