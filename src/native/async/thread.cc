#include "async/thread.h"

#include <pthread.h>

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

}  // namespace

bool runApart(Work work) {
  auto owned = std::make_unique<Work>(std::move(work));
  pthread_t thread;
  errno = pthread_create(&thread, nullptr, run, owned.get());
  if (errno != 0) return false;
  owned.release();
  pthread_detach(thread);
  return true;
}

}  // namespace tlspool::async
