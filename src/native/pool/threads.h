// The threads of one kind that JavaScript has, and what it does with each kind alike.
#pragma once

#include <node_api.h>

#include <cerrno>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "node/values.h"
#include "socket/descriptor.h"

namespace tlspool::pool {

/// Main thread only.
/// @tparam Kind derives from PoolThread, and `Kind::start(number)` makes one or sets errno
template <class Kind>
class Threads {
 public:
  /// By the number that JavaScript knows it by; nullptr for one that was closed.
  static std::shared_ptr<Kind> find(int64_t number) {
    auto found = all().find(number);
    return found == all().end() ? nullptr : found->second;
  }

  /// `() → thread`
  static napi_value start(napi_env env, napi_callback_info) {
    static int64_t last = 0;
    int64_t number = ++last;
    auto thread = Kind::start(number);
    if (!thread) return node::throwErrno(env, errno, "cannot start a thread");
    all().emplace(number, std::move(thread));
    return node::number(env, static_cast<double>(number));
  }

  /// `(thread, channel)`: a connection to the pool, which is taken over.
  static napi_value open(napi_env env, napi_callback_info info) {
    node::Arguments arguments(env, info);
    auto thread = find(arguments.integer(0));
    socket::Descriptor channel(static_cast<int>(arguments.integer(1)));
    if (!arguments.ok()) return nullptr;
    if (thread) thread->open(std::move(channel));
    return node::undefined(env);
  }

  /// `(thread)`
  static napi_value close(napi_env env, napi_callback_info info) {
    node::Arguments arguments(env, info);
    int64_t number = arguments.integer(0);
    if (!arguments.ok()) return nullptr;
    if (auto thread = find(number)) thread->close();
    all().erase(number);
    return node::undefined(env);
  }

 private:
  static std::map<int64_t, std::shared_ptr<Kind>>& all() {
    static auto* threads = new std::map<int64_t, std::shared_ptr<Kind>>;
    return *threads;
  }
};

}  // namespace tlspool::pool
