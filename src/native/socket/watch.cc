#include "socket/watch.h"

#include <uv.h>

#include <memory>
#include <unordered_map>

namespace tlspool::socket {

namespace {

/// One uv_poll handle with the JavaScript function that it calls. Freed when libuv has closed it.
class Watch {
 public:
  static Watch* start(napi_env env, uv_loop_t* loop, int fd, napi_value callback, int* error) {
    auto watch = std::unique_ptr<Watch>(new Watch(env));
    *error = uv_poll_init(loop, &watch->handle_, fd);
    if (*error != 0) return nullptr;
    watch->handle_.data = watch.get();
    napi_value name = node::string(env, "tlspool.watch");
    napi_create_reference(env, callback, 1, &watch->callback_);
    napi_async_init(env, nullptr, name, &watch->context_);
    return watch.release();
  }

  int update(int events) {
    return events ? uv_poll_start(&handle_, events, ready) : uv_poll_stop(&handle_);
  }

  void hold(bool on) {
    auto* handle = reinterpret_cast<uv_handle_t*>(&handle_);
    on ? uv_ref(handle) : uv_unref(handle);
  }

  /// No callback comes after this.
  void close() {
    napi_delete_reference(env_, callback_);
    napi_async_destroy(env_, context_);
    callback_ = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&handle_),
             [](uv_handle_t* handle) { delete static_cast<Watch*>(handle->data); });
  }

 private:
  explicit Watch(napi_env env) : env_(env) {}

  static void ready(uv_poll_t* handle, int status, int events) {
    auto* watch = static_cast<Watch*>(handle->data);
    napi_env env = watch->env_;
    napi_handle_scope scope;
    napi_open_handle_scope(env, &scope);
    napi_value callback;
    napi_get_reference_value(env, watch->callback_, &callback);
    bool readable = status < 0 || (events & UV_READABLE);
    bool writable = status < 0 || (events & UV_WRITABLE);
    napi_value values[] = {node::boolean(env, readable), node::boolean(env, writable)};
    napi_value global;
    napi_get_global(env, &global);
    if (napi_make_callback(env, watch->context_, global, callback, 2, values, nullptr) ==
        napi_pending_exception) {
      napi_value exception;
      napi_get_and_clear_last_exception(env, &exception);
      napi_fatal_exception(env, exception);
    }
    napi_close_handle_scope(env, scope);
  }

  napi_env env_;
  uv_poll_t handle_{};
  napi_ref callback_ = nullptr;
  napi_async_context context_ = nullptr;
};

/// The watches of this thread's environment, by number.
struct Watches {
  std::unordered_map<int64_t, Watch*> byId;
  int64_t last = 0;

  Watch* find(int64_t id) const {
    auto found = byId.find(id);
    return found == byId.end() ? nullptr : found->second;
  }
};

thread_local Watches watches;

int eventsOf(bool readable, bool writable) {
  return (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);
}

napi_value watchStart(napi_env env, napi_callback_info info) {
  node::Arguments arguments(env, info);
  int fd = static_cast<int>(arguments.integer(0));
  int events = eventsOf(arguments.flag(1), arguments.flag(2));
  if (!arguments.ok()) return nullptr;
  uv_loop_t* loop = nullptr;
  napi_get_uv_event_loop(env, &loop);
  int error = 0;
  Watch* watch = Watch::start(env, loop, fd, arguments.value(3), &error);
  if (!watch) return node::throwErrno(env, -error, "cannot watch the descriptor");
  watch->update(events);
  watches.byId.emplace(++watches.last, watch);
  return node::number(env, static_cast<double>(watches.last));
}

napi_value watchUpdate(napi_env env, napi_callback_info info) {
  node::Arguments arguments(env, info);
  int64_t id = arguments.integer(0);
  int events = eventsOf(arguments.flag(1), arguments.flag(2));
  if (!arguments.ok()) return nullptr;
  if (Watch* watch = watches.find(id)) watch->update(events);
  return node::undefined(env);
}

napi_value watchClose(napi_env env, napi_callback_info info) {
  node::Arguments arguments(env, info);
  int64_t id = arguments.integer(0);
  if (Watch* watch = watches.find(id)) watch->close();
  watches.byId.erase(id);
  return node::undefined(env);
}

template <bool on>
napi_value watchHold(napi_env env, napi_callback_info info) {
  node::Arguments arguments(env, info);
  if (Watch* watch = watches.find(arguments.integer(0))) watch->hold(on);
  return node::undefined(env);
}

void closeAll(void*) {
  for (auto& [id, watch] : watches.byId) watch->close();
  watches.byId.clear();
}

}  // namespace

void registerWatch(napi_env env, napi_value exports) {
  napi_add_env_cleanup_hook(env, closeAll, nullptr);
  node::addMethods(env, exports,
                   {{"watchStart", watchStart},
                    {"watchUpdate", watchUpdate},
                    {"watchClose", watchClose},
                    {"watchRef", watchHold<true>},
                    {"watchUnref", watchHold<false>}});
}

}  // namespace tlspool::socket
