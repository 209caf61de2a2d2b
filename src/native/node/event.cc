#include "node/event.h"

#include <mutex>
#include <vector>

#include "node/values.h"

namespace tlspool::node {

namespace {

struct Queue {
  std::mutex mutex;
  std::vector<std::unique_ptr<Event>> events;
  napi_threadsafe_function wakeup = nullptr;
  bool scheduled = false;
};

Queue& queue() {
  static Queue* only = new Queue;  // never destroyed: threads may outlive static destruction
  return *only;
}

/// With the mutex held.
void add(std::unique_ptr<Event> event) {
  if (queue().wakeup) queue().events.push_back(std::move(event));
}

/// With the mutex held.
void schedule() {
  if (!queue().wakeup || queue().events.empty() || queue().scheduled) return;
  queue().scheduled =
      napi_call_threadsafe_function(queue().wakeup, nullptr, napi_tsfn_nonblocking) == napi_ok;
}

void deliver(napi_env env, napi_value listener, void*, void*) {
  std::vector<std::unique_ptr<Event>> batch;
  {
    std::lock_guard lock(queue().mutex);
    batch.swap(queue().events);
    queue().scheduled = false;
  }
  if (!env || !listener) return;
  napi_handle_scope scope;
  napi_open_handle_scope(env, &scope);
  napi_value list;
  napi_create_array_with_length(env, batch.size(), &list);
  for (size_t i = 0; i < batch.size(); i++) napi_set_element(env, list, i, batch[i]->toJs(env));
  napi_call_function(env, undefined(env), listener, 1, &list, nullptr);
  napi_close_handle_scope(env, scope);
}

void forget(void*) {
  std::lock_guard lock(queue().mutex);
  queue().wakeup = nullptr;
  queue().events.clear();
}

napi_value onEvents(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  std::lock_guard lock(queue().mutex);
  if (queue().wakeup) return throwError(env, "ERR_INVALID_STATE", "onEvents was called before");
  if (napi_create_threadsafe_function(env, arguments.value(0), nullptr, string(env, "tlspool"), 0, 1,
                                      nullptr, nullptr, nullptr, deliver,
                                      &queue().wakeup) != napi_ok) {
    return throwError(env, "ERR_INVALID_ARG_TYPE", "expected a function");
  }
  napi_add_env_cleanup_hook(env, forget, nullptr);
  return undefined(env);
}

napi_value refEvents(napi_env env, napi_callback_info) {
  if (queue().wakeup) napi_ref_threadsafe_function(env, queue().wakeup);
  return undefined(env);
}

napi_value unrefEvents(napi_env env, napi_callback_info) {
  if (queue().wakeup) napi_unref_threadsafe_function(env, queue().wakeup);
  return undefined(env);
}

}  // namespace

void postEvent(std::unique_ptr<Event> event) {
  std::lock_guard lock(queue().mutex);
  add(std::move(event));
  schedule();
}

void queueEvent(std::unique_ptr<Event> event) {
  std::lock_guard lock(queue().mutex);
  add(std::move(event));
}

void deliverEvents() {
  std::lock_guard lock(queue().mutex);
  schedule();
}

void registerEvents(napi_env env, napi_value exports) {
  addMethods(env, exports,
             {{"onEvents", onEvents}, {"refEvents", refEvents}, {"unrefEvents", unrefEvents}});
}

}  // namespace tlspool::node
