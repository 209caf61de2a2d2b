// A JavaScript promise that any thread settles.
#pragma once

#include <node_api.h>

#include <memory>
#include <optional>
#include <string>

#include "token/mechanism.h"

namespace tlspool::token {

class Promise {
 public:
  /// Main thread. `value` is the promise itself, for JavaScript; it keeps the process alive until
  /// settled.
  static std::shared_ptr<Promise> create(napi_env env, napi_value* value);

  /// Any thread, once: with a Buffer, or with undefined.
  void resolve(std::optional<Bytes> value = std::nullopt);
  /// With an Error of that `code`.
  void reject(std::string code, std::string message);

 private:
  friend class Settlements;
  explicit Promise(napi_deferred deferred) : deferred_(deferred) {}

  struct Outcome {
    std::optional<Bytes> value;
    std::string code;  // empty: resolved
    std::string message;
  };
  void settle(Outcome outcome);

  napi_deferred deferred_;  // null once settled
};

}  // namespace tlspool::token
