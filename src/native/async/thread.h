// Threads, which the C++ library would end the process over where there are no means for one. No signal
// comes to them: signals are Node's, which handles them on its main thread.
#pragma once

#include <pthread.h>

#include <functional>

namespace tlspool::async {

/// A thread that is waited for, before this goes at the latest.
class Thread {
 public:
  Thread() = default;
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  ~Thread() { join(); }

  /// Once at a time. False with errno if there are no means for one.
  /// @param name at most 15 bytes
  bool start(const char* name, std::function<void()> work);
  bool isStarted() const { return started_; }
  /// Waits for its end.
  void join();

 private:
  pthread_t id_{};
  bool started_ = false;
};

/// Runs it on a thread of its own, which nobody waits for; false with errno if there are no means for
/// one.
bool runApart(std::function<void()> work);

}  // namespace tlspool::async
