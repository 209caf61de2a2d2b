#include "engine/work-pool.h"

#include <openssl/crypto.h>

#include "token/key.h"

namespace tlspool::engine {

void WorkPool::add(Work work) {
  if (stopped_) return;
  if (!thread_.isStarted() && !thread_.start("tlspool-paths", [this] { run(); })) return work();
  std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(work));
  changed_.notify_one();
}

void WorkPool::stop() {
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    waiting_.clear();
    changed_.notify_all();
  }
  thread_.join();
}

void WorkPool::run() {
  for (;;) {
    Work work;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopped_ || !waiting_.empty(); });
      if (stopped_) break;
      work = std::move(waiting_.front());
      waiting_.pop_front();
    }
    work();
  }
  OPENSSL_thread_stop_ex(token::libraryContext());
}

}  // namespace tlspool::engine
