// What JavaScript holds by number. Main thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>

#include "node/values.h"

namespace tlspool::engine {

template <typename Object>
class Handles {
 public:
  /// Lives as long as the process.
  static Handles& all() {
    static auto* only = new Handles;
    return *only;
  }

  uint32_t next() { return ++last_; }
  void put(uint32_t handle, std::shared_ptr<const Object> object) {
    objects_.emplace(handle, std::move(object));
  }
  std::shared_ptr<const Object> find(int64_t handle) const {
    auto found = objects_.find(static_cast<uint32_t>(handle));
    return found == objects_.end() ? nullptr : found->second;
  }
  void release(int64_t handle) { objects_.erase(static_cast<uint32_t>(handle)); }

 private:
  Handles() = default;

  std::unordered_map<uint32_t, std::shared_ptr<const Object>> objects_;
  uint32_t last_ = 0;
};

/// A function of JavaScript that lets go of a handle.
template <typename Object>
napi_value releaseHandle(napi_env env, napi_callback_info info) {
  node::Arguments arguments(env, info);
  Handles<Object>::all().release(arguments.integer(0));
  return node::undefined(env);
}

}  // namespace tlspool::engine
