#include "engine/work-pool.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <signal.h>

#include "token/key.h"

namespace tlspool::engine {

void WorkPool::add(Work work) {
  std::lock_guard lock(mutex_);
  if (stopped_) return;
  waiting_.push_back(std::move(work));
  if (!thread_.joinable()) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { run(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_setname_np(thread_.native_handle(), "tlspool-paths");
  }
  changed_.notify_one();
}

void WorkPool::stop() {
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    waiting_.clear();
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
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
