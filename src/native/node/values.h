// Short ways between C++ values and JavaScript ones. Nothing here throws a C++ exception; a value
// of the wrong type becomes a pending JavaScript TypeError and `Arguments::ok()` turns false.
#pragma once

#include <node_api.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tlspool::node {

using Bytes = std::vector<unsigned char>;

napi_value undefined(napi_env env);
napi_value null(napi_env env);
napi_value boolean(napi_env env, bool value);
napi_value number(napi_env env, double value);
napi_value string(napi_env env, std::string_view value);
/// A Node Buffer that owns a copy of the bytes.
napi_value buffer(napi_env env, const void* data, size_t length);
napi_value buffer(napi_env env, const Bytes& value);
napi_value buffers(napi_env env, const std::vector<Bytes>& values);
napi_value strings(napi_env env, const std::vector<std::string>& values);
napi_value numbers(napi_env env, const std::vector<uint32_t>& values);
/// Below 2^53.
napi_value bigNumbers(napi_env env, const std::vector<uint64_t>& values);
napi_value object(napi_env env);
/// `name` is a literal: it is remembered by its address.
void set(napi_env env, napi_value target, const char* name, napi_value value);

/// Throws a JavaScript Error with a `code` property; returns nullptr for `return throwError(…)`.
napi_value throwError(napi_env env, const char* code, std::string_view message);
/// Throws an Error for an errno: code is its name (`EACCES`), message `what: description`.
napi_value throwErrno(napi_env env, int error, std::string_view what);

/// The arguments of one call, eight at most, read in order or by the property names of an options
/// object.
class Arguments {
 public:
  Arguments(napi_env env, napi_callback_info info);

  bool ok() const { return ok_; }
  size_t count() const { return count_; }
  napi_env env() const { return env_; }

  int64_t integer(size_t index);
  bool flag(size_t index);
  std::string text(size_t index);
  Bytes bytes(size_t index);
  /// The memory of a Buffer itself, not a copy; valid during the call only.
  std::pair<unsigned char*, size_t> view(size_t index);
  napi_value value(size_t index) const;

 private:
  friend class Fields;
  void fail(const char* expected);

  static constexpr size_t kMax = 8;
  napi_env env_;
  napi_value values_[kMax];
  size_t count_ = kMax;
  bool ok_ = true;
};

/// The properties of an options object. A missing or undefined one is the given default.
class Fields {
 public:
  Fields(napi_env env, napi_value object) : env_(env), object_(object) {}

  bool has(const char* name) const;
  int64_t integer(const char* name, int64_t otherwise) const;
  bool flag(const char* name, bool otherwise) const;
  std::string text(const char* name, std::string_view otherwise = "") const;
  Bytes bytes(const char* name) const;
  std::vector<Bytes> byteArrays(const char* name) const;
  std::vector<std::string> texts(const char* name) const;
  std::vector<int64_t> integers(const char* name) const;
  napi_value value(const char* name) const;

 private:
  /// nullptr for one that is missing, undefined or null.
  napi_value given(const char* name) const;

  napi_env env_;
  napi_value object_;
};

using Function = napi_value (*)(napi_env, napi_callback_info);
struct Method {
  const char* name;
  Function function;
};
void addMethods(napi_env env, napi_value exports, std::initializer_list<Method> methods);

}  // namespace tlspool::node
