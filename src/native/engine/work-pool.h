// A thread for work that takes a while and belongs to no session: building and checking certificate
// paths. It starts with the first piece of work.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace tlspool::engine {

class WorkPool {
 public:
  using Work = std::function<void()>;

  ~WorkPool() { stop(); }

  /// Any thread. After `stop` the work is dropped.
  void add(Work work);

  /// Waits for what runs, drops what does not run yet.
  void stop();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Work> waiting_;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace tlspool::engine
