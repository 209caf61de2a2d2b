#include "sanitizer/seeded-faults.h"

#include <openssl/async.h>
#include <sched.h>

#include <atomic>
#include <climits>
#include <future>
#include <string>

#include "async/park.h"
#include "engine/engine.h"
#include "node/values.h"

namespace tlspool::sanitizer {

namespace {

/// No session has such a number: what is asked of it is answered by its worker itself.
constexpr engine::SessionId kNobody = 1'000'000'000;

/// Runs something on the first or the second thread of the engine.
void onWorker(unsigned which, std::function<void()> what) {
  engine::Engine::instance()->ask(
      kNobody + which, [](engine::Session&) {}, std::move(what));
}

void waitForWorker(unsigned which) {
  std::promise<void> passed;
  onWorker(which, [&passed] { passed.set_value(); });
  passed.get_future().wait();
}

void useAfterFree() {
  volatile int* volatile number = new int(1);  // volatile, lest the compiler sees it
  delete number;
  *number = 2;
}

void overflow() {
  volatile int largest = INT_MAX;
  largest = largest + 1;
}

void race() {
  static int shared = 0;
  // They meet first, in a way that puts neither before the other: what a thread that is done does next could.
  static std::atomic<unsigned> there{0};
  for (unsigned which : {0, 1}) {
    onWorker(which, [] {
      there.fetch_add(1, std::memory_order_relaxed);
      while (there.load(std::memory_order_relaxed) < 2) sched_yield();
      for (int i = 0; i < 1000; i++) {
        *const_cast<volatile int*>(&shared) = shared + 1;
      }
    });
  }
}

class NobodysWaker final : public async::Waker {
 public:
  void wake() override {}
  bool cancelled() const override { return false; }
};

[[gnu::noinline]] void writeBeyond() {
  volatile char array[16];
  volatile char* volatile end = array + sizeof array;
  *end = 1;
}

int parkThenWriteBeyond(void*) {
  int turns = 0;
  async::parkUntil([&turns] { return ++turns > 2; });
  writeBeyond();
  return 1;
}

/// On a stack as handshakes have it. Of the frames that stood when it was parked, AddressSanitizer
/// knows no more where their variables end; of those that come afterwards it does.
void overflowParkedStack() {
  async::setCurrentWaker(std::make_shared<NobodysWaker>());
  ASYNC_WAIT_CTX* context = ASYNC_WAIT_CTX_new();
  ASYNC_JOB* job = nullptr;
  int result = 0;
  while (ASYNC_start_job(&job, context, &result, parkThenWriteBeyond, nullptr, 0) == ASYNC_PAUSE) {
  }
  ASYNC_WAIT_CTX_free(context);
  async::setCurrentWaker(nullptr);
}

napi_value seedFault(napi_env env, napi_callback_info info) {
  node::Arguments arguments(env, info);
  std::string kind = arguments.text(0);
  if (!arguments.ok()) return nullptr;
  if (kind == "use-after-free") {
    onWorker(0, useAfterFree);
  } else if (kind == "overflow") {
    onWorker(0, overflow);
  } else if (kind == "race") {
    race();
  } else if (kind == "parked-stack") {
    onWorker(0, overflowParkedStack);
  } else if (kind != "none") {
    return node::throwError(env, "ERR_INVALID_ARG_VALUE", "no fault of that name");
  }
  for (unsigned which : {0, 1}) waitForWorker(which);
  return node::undefined(env);
}

}  // namespace

void registerSeededFaults(napi_env env, napi_value exports) {
  node::addMethods(env, exports, {{"seedFault", seedFault}});
}

}  // namespace tlspool::sanitizer
