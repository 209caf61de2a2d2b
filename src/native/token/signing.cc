#include "token/signing.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "async/park.h"
#include "token/key.h"
#include "token/request.h"
#include "token/token-key.h"
#include "token/token.h"

namespace tlspool::token {

namespace {

constexpr std::chrono::seconds kBlockingPatience{30};

thread_local CK_RV lastFailure = CKR_OK;

/// For callers outside a handshake, which have no Waker.
class Latch final : public async::Waker {
 public:
  void wake() override {
    std::lock_guard lock(mutex_);
    woken_ = true;
    changed_.notify_all();
  }
  bool cancelled() const override { return false; }
  bool wait(std::chrono::seconds patience) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [this] { return woken_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
};

bool waitFor(const std::shared_ptr<Request>& request) {
  if (auto waker = async::currentWaker()) {
    request->waker = std::move(waker);
    request->key->token().submit(request);
    // Captured by value: the request may outlive this stack.
    return async::parkUntil([request] { return request->done.load(std::memory_order_acquire); });
  }
  auto latch = std::make_shared<Latch>();
  request->waker = latch;
  request->key->token().submit(request);
  return latch->wait(kBlockingPatience);
}

}  // namespace

CK_RV signWithToken(const std::shared_ptr<TokenKey>& key, SigningInput input, Bytes* output) {
  auto request = std::make_shared<Request>();
  request->key = key;
  request->input = std::move(input);
  CK_RV rv;
  if (waitFor(request)) {
    rv = request->result;
    *output = std::move(request->output);
  } else {
    key->token().abandon(request);
    rv = CKR_FUNCTION_CANCELED;
  }
  if (rv != CKR_OK) lastFailure = rv;
  return rv;
}

unsigned long takeLastFailure() { return std::exchange(lastFailure, CKR_OK); }

}  // namespace tlspool::token
