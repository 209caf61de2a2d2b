#include "token/promise.h"

#include <mutex>
#include <utility>
#include <vector>

#include "node/values.h"

namespace tlspool::token {

/// What threads have settled and JavaScript was not told yet.
class Settlements {
 public:
  static Settlements& instance() {
    static auto* only = new Settlements;  // threads may outlive static objects
    return *only;
  }

  /// Main thread: one more promise is out.
  bool expect(napi_env env) {
    std::lock_guard lock(mutex_);
    if (!wakeup_) {
      if (napi_create_threadsafe_function(env, nullptr, nullptr, node::string(env, "tlspool-token"),
                                          0, 1, nullptr, nullptr, nullptr, deliver,
                                          &wakeup_) != napi_ok) {
        wakeup_ = nullptr;
        return false;
      }
      napi_add_env_cleanup_hook(env, forget, nullptr);
    } else if (pending_ == 0) {
      napi_ref_threadsafe_function(env, wakeup_);
    }
    pending_++;
    return true;
  }

  void add(napi_deferred deferred, Promise::Outcome outcome) {
    std::lock_guard lock(mutex_);
    if (!wakeup_) return;  // the environment is gone
    settled_.emplace_back(deferred, std::move(outcome));
    if (settled_.size() == 1) {
      napi_call_threadsafe_function(wakeup_, nullptr, napi_tsfn_nonblocking);
    }
  }

 private:
  using Settled = std::pair<napi_deferred, Promise::Outcome>;

  static void deliver(napi_env env, napi_value, void*, void*) {
    Settlements& self = instance();
    std::vector<Settled> batch;
    {
      std::lock_guard lock(self.mutex_);
      batch.swap(self.settled_);
      self.pending_ -= batch.size();
      if (env && self.wakeup_ && self.pending_ == 0) {
        napi_unref_threadsafe_function(env, self.wakeup_);
      }
    }
    if (!env) return;
    napi_handle_scope scope;
    napi_open_handle_scope(env, &scope);
    for (const auto& [deferred, outcome] : batch) conclude(env, deferred, outcome);
    napi_close_handle_scope(env, scope);
  }

  static void conclude(napi_env env, napi_deferred deferred, const Promise::Outcome& outcome) {
    if (outcome.code.empty()) {
      napi_resolve_deferred(
          env, deferred, outcome.value ? node::buffer(env, *outcome.value) : node::undefined(env));
      return;
    }
    napi_value error;
    napi_create_error(env, node::string(env, outcome.code), node::string(env, outcome.message),
                      &error);
    napi_reject_deferred(env, deferred, error);
  }

  static void forget(void*) {
    Settlements& self = instance();
    std::lock_guard lock(self.mutex_);
    self.wakeup_ = nullptr;
    self.settled_.clear();
  }

  std::mutex mutex_;
  std::vector<Settled> settled_;
  napi_threadsafe_function wakeup_ = nullptr;
  size_t pending_ = 0;
};

std::shared_ptr<Promise> Promise::create(napi_env env, napi_value* value) {
  napi_deferred deferred;
  if (!Settlements::instance().expect(env) ||
      napi_create_promise(env, &deferred, value) != napi_ok) {
    return nullptr;
  }
  return std::shared_ptr<Promise>(new Promise(deferred));
}

void Promise::resolve(std::optional<Bytes> value) { settle({std::move(value), "", ""}); }

void Promise::reject(std::string code, std::string message) {
  settle({std::nullopt, std::move(code), std::move(message)});
}

void Promise::settle(Outcome outcome) {
  if (!deferred_) return;
  Settlements::instance().add(std::exchange(deferred_, nullptr), std::move(outcome));
}

}  // namespace tlspool::token
