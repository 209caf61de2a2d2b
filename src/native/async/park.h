// Parking: a handshake that has to wait (for a signature, for the brain's verdict) leaves its epoll
// thread free. Code that runs inside SSL_do_handshake on an OpenSSL ASYNC job asks for the current
// Waker, hands it with a heap-allocated, shared request to whoever works on it, and calls
// `parkUntil(done)`. Whoever finishes sets the request's flag and calls `wake()`.
//
// Traps kept here: only SSL_do_handshake may be called again after WANT_ASYNC, and socket readiness
// must not resume a job, so a job is resumed only by its Waker; a connection that is given up while
// parked is resumed once with `cancelled()` true, so that the job runs to its end and can be freed.
// The stack of a job is small: no PKCS #11 call is ever made on it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

namespace tlspool::async {

/// Resumes one parked handshake; may be called from any thread, also after the connection is gone.
class Waker {
 public:
  virtual ~Waker() = default;
  virtual void wake() = 0;
  /// True once the connection was given up: stop waiting and fail.
  virtual bool cancelled() const = 0;
  /// Whose handshake it is: the number of its session; 0 for what is none.
  virtual uint64_t owner() const { return 0; }
};

/// The Waker of the handshake that runs on this thread now; null outside an ASYNC job.
std::shared_ptr<Waker> currentWaker();

/// Set by the engine's worker around each SSL call; null afterwards.
void setCurrentWaker(std::shared_ptr<Waker> waker);

/// Leaves the job until `done()` or the waker's `cancelled()` is true. Returns `done()`. Must be
/// called on an ASYNC job with a current Waker. The parked stack may not be touched by others
/// meanwhile: share heap memory with them.
bool parkUntil(const std::function<bool()>& done);

/// Live parked jobs, for tests: returns to 0 when all connections are gone.
int parkedJobs();

/// Gives ASYNC jobs stacks of 64 KiB from mmap with a guard page. Call once, before any job.
void useGuardedStacks();

}  // namespace tlspool::async
