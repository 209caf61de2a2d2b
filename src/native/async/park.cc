#include "async/park.h"

#include <openssl/async.h>
#include <sys/mman.h>
#include <unistd.h>

namespace tlspool::async {

namespace {

#ifdef TLSPOOL_SANITIZE
constexpr size_t kStackSize = 1024 * 1024;  // room for reports, too
#else
constexpr size_t kStackSize = 64 * 1024;
#endif

thread_local std::shared_ptr<Waker> current;
std::atomic<int> parked{0};

size_t pageSize() {
  static const size_t size = sysconf(_SC_PAGESIZE);
  return size;
}

/// OpenSSL asks for its default of 32 KiB; each stack has a page below it that may not be touched.
void* allocateStack(size_t* size) {
  size_t guard = pageSize();
  void* whole = mmap(nullptr, guard + kStackSize, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
  if (whole == MAP_FAILED) return nullptr;
  mprotect(whole, guard, PROT_NONE);
  *size = kStackSize;
  return static_cast<char*>(whole) + guard;
}

void freeStack(void* stack) {
  if (stack) munmap(static_cast<char*>(stack) - pageSize(), pageSize() + kStackSize);
}

}  // namespace

std::shared_ptr<Waker> currentWaker() { return ASYNC_get_current_job() ? current : nullptr; }

void setCurrentWaker(std::shared_ptr<Waker> waker) { current = std::move(waker); }

bool parkUntil(const std::function<bool()>& done) {
  std::shared_ptr<Waker> waker = current;
  parked++;
  while (!done() && !waker->cancelled()) {
    if (ASYNC_pause_job() != 1) break;
  }
  parked--;
  return done();
}

int parkedJobs() { return parked; }

void useGuardedStacks() { ASYNC_set_mem_functions(allocateStack, freeStack); }

}  // namespace tlspool::async
