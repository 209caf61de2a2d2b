#include "async/thread.h"

#include <signal.h>

#include <cerrno>
#include <memory>
#include <utility>

namespace tlspool::async {

namespace {

using Work = std::function<void()>;

void* run(void* work) {
  std::unique_ptr<Work> owned(static_cast<Work*>(work));
  (*owned)();
  return nullptr;
}

/// False with errno.
bool create(pthread_t* thread, Work work) {
  auto owned = std::make_unique<Work>(std::move(work));
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = pthread_create(thread, nullptr, run, owned.get());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error == 0) owned.release();
  errno = error;
  return error == 0;
}

}  // namespace

bool Thread::start(const char* name, Work work) {
  if (!create(&id_, std::move(work))) return false;
  pthread_setname_np(id_, name);
  started_ = true;
  return true;
}

void Thread::join() {
  if (!started_) return;
  pthread_join(id_, nullptr);
  started_ = false;
}

bool runApart(Work work) {
  pthread_t thread;
  if (!create(&thread, std::move(work))) return false;
  pthread_detach(thread);
  return true;
}

}  // namespace tlspool::async
