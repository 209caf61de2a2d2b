#include "node/values.h"

#include <cstring>
#include <unordered_map>

namespace tlspool::node {

napi_value undefined(napi_env env) {
  napi_value result;
  napi_get_undefined(env, &result);
  return result;
}

napi_value null(napi_env env) {
  napi_value result;
  napi_get_null(env, &result);
  return result;
}

napi_value boolean(napi_env env, bool value) {
  napi_value result;
  napi_get_boolean(env, value, &result);
  return result;
}

napi_value number(napi_env env, double value) {
  napi_value result;
  napi_create_double(env, value, &result);
  return result;
}

napi_value string(napi_env env, std::string_view value) {
  napi_value result;
  napi_create_string_utf8(env, value.data(), value.size(), &result);
  return result;
}

napi_value buffer(napi_env env, const void* data, size_t length) {
  napi_value result;
  napi_create_buffer_copy(env, length, data, nullptr, &result);
  return result;
}

napi_value buffer(napi_env env, const Bytes& value) {
  return buffer(env, value.data(), value.size());
}

namespace {

template <typename T, typename Convert>
napi_value array(napi_env env, const std::vector<T>& values, Convert convert) {
  napi_value result;
  napi_create_array_with_length(env, values.size(), &result);
  for (size_t i = 0; i < values.size(); i++) napi_set_element(env, result, i, convert(values[i]));
  return result;
}

Bytes toBytes(napi_env env, napi_value value, bool* ok) {
  void* data = nullptr;
  size_t length = 0;
  bool isBuffer = false;
  napi_is_buffer(env, value, &isBuffer);
  if (!isBuffer || napi_get_buffer_info(env, value, &data, &length) != napi_ok) {
    *ok = false;
    return {};
  }
  auto* start = static_cast<unsigned char*>(data);
  return start ? Bytes(start, start + length) : Bytes();
}

std::string toText(napi_env env, napi_value value, bool* ok) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) {
    *ok = false;
    return {};
  }
  std::string result(length, '\0');
  napi_get_value_string_utf8(env, value, result.data(), length + 1, &length);
  return result;
}

template <typename T, typename Convert>
std::vector<T> elements(napi_env env, napi_value list, Convert convert) {
  std::vector<T> result;
  uint32_t length = 0;
  if (napi_get_array_length(env, list, &length) != napi_ok) return result;
  result.reserve(length);
  for (uint32_t i = 0; i < length; i++) {
    napi_value item;
    bool ok = napi_get_element(env, list, i, &item) == napi_ok;
    if (ok) {
      T value = convert(item, &ok);
      if (ok) result.push_back(std::move(value));
    }
  }
  return result;
}

}  // namespace

napi_value buffers(napi_env env, const std::vector<Bytes>& values) {
  return array(env, values, [env](const Bytes& each) { return buffer(env, each); });
}

napi_value strings(napi_env env, const std::vector<std::string>& values) {
  return array(env, values, [env](const std::string& each) { return string(env, each); });
}

napi_value numbers(napi_env env, const std::vector<uint32_t>& values) {
  return array(env, values, [env](uint32_t each) { return number(env, each); });
}

napi_value bigNumbers(napi_env env, const std::vector<uint64_t>& values) {
  return array(env, values,
               [env](uint64_t each) { return number(env, static_cast<double>(each)); });
}

napi_value object(napi_env env) {
  napi_value result;
  napi_create_object(env, &result);
  return result;
}

namespace {

/// Names of properties as V8 wants them: made from text each time, they would cost more than
/// setting the property. By the address of the text, which is a literal.
struct PropertyKeys {
  napi_env env = nullptr;
  std::unordered_map<const char*, napi_ref> known;
};

napi_value propertyKey(napi_env env, const char* literal) {
  thread_local PropertyKeys keys;
  if (keys.env != env) keys = {env, {}};
  napi_value key = nullptr;
  auto found = keys.known.find(literal);
  if (found != keys.known.end()) {
    napi_get_reference_value(env, found->second, &key);
    return key;
  }
  node_api_create_property_key_utf8(env, literal, NAPI_AUTO_LENGTH, &key);
  napi_ref reference = nullptr;
  if (napi_create_reference(env, key, 1, &reference) == napi_ok) {
    keys.known.emplace(literal, reference);
  }
  return key;
}

}  // namespace

void set(napi_env env, napi_value target, const char* name, napi_value value) {
  napi_set_property(env, target, propertyKey(env, name), value);
}

napi_value throwError(napi_env env, const char* code, std::string_view message) {
  napi_value error;
  napi_create_error(env, string(env, code), string(env, message), &error);
  napi_throw(env, error);
  return nullptr;
}

napi_value throwErrno(napi_env env, int error, std::string_view what) {
  const char* name = strerrorname_np(error);
  std::string message(what);
  message += ": ";
  message += strerrordesc_np(error) ? strerrordesc_np(error) : "unknown error";
  return throwError(env, name ? name : "EUNKNOWN", message);
}

Arguments::Arguments(napi_env env, napi_callback_info info) : env_(env) {
  napi_get_cb_info(env, info, &count_, values_, nullptr, nullptr);
  if (count_ <= kMax) return;
  count_ = kMax;
  fail("too many arguments");
}

void Arguments::fail(const char* expected) {
  if (ok_) napi_throw_type_error(env_, "ERR_INVALID_ARG_TYPE", expected);
  ok_ = false;
}

napi_value Arguments::value(size_t index) const { return values_[index]; }

int64_t Arguments::integer(size_t index) {
  int64_t result = 0;
  if (napi_get_value_int64(env_, values_[index], &result) != napi_ok) fail("expected a number");
  return result;
}

bool Arguments::flag(size_t index) {
  bool result = false;
  if (napi_get_value_bool(env_, values_[index], &result) != napi_ok) fail("expected a boolean");
  return result;
}

std::string Arguments::text(size_t index) {
  bool ok = true;
  std::string result = toText(env_, values_[index], &ok);
  if (!ok) fail("expected a string");
  return result;
}

Bytes Arguments::bytes(size_t index) {
  bool ok = true;
  Bytes result = toBytes(env_, values_[index], &ok);
  if (!ok) fail("expected a Buffer");
  return result;
}

std::pair<unsigned char*, size_t> Arguments::view(size_t index) {
  void* data = nullptr;
  size_t length = 0;
  bool isBuffer = false;
  napi_is_buffer(env_, values_[index], &isBuffer);
  if (!isBuffer || napi_get_buffer_info(env_, values_[index], &data, &length) != napi_ok) {
    fail("expected a Buffer");
  }
  return {static_cast<unsigned char*>(data), length};
}

napi_value Fields::value(const char* name) const {
  napi_value result = nullptr;
  if (napi_get_property(env_, object_, propertyKey(env_, name), &result) != napi_ok) return nullptr;
  return result;
}

napi_value Fields::given(const char* name) const {
  napi_value property = value(name);
  napi_valuetype type = napi_undefined;
  const bool typed = property && napi_typeof(env_, property, &type) == napi_ok;
  return typed && type != napi_undefined && type != napi_null ? property : nullptr;
}

bool Fields::has(const char* name) const { return given(name) != nullptr; }

int64_t Fields::integer(const char* name, int64_t otherwise) const {
  int64_t result = otherwise;
  napi_value property = given(name);
  if (property && napi_get_value_int64(env_, property, &result) != napi_ok) return otherwise;
  return result;
}

bool Fields::flag(const char* name, bool otherwise) const {
  bool result = otherwise;
  napi_value property = given(name);
  if (property && napi_get_value_bool(env_, property, &result) != napi_ok) return otherwise;
  return result;
}

std::string Fields::text(const char* name, std::string_view otherwise) const {
  napi_value property = given(name);
  bool ok = property != nullptr;
  std::string result = ok ? toText(env_, property, &ok) : std::string();
  return ok ? result : std::string(otherwise);
}

Bytes Fields::bytes(const char* name) const {
  bool ok = true;
  napi_value property = given(name);
  return property ? toBytes(env_, property, &ok) : Bytes();
}

std::vector<Bytes> Fields::byteArrays(const char* name) const {
  return elements<Bytes>(env_, value(name),
                         [this](napi_value item, bool* ok) { return toBytes(env_, item, ok); });
}

std::vector<std::string> Fields::texts(const char* name) const {
  return elements<std::string>(
      env_, value(name), [this](napi_value item, bool* ok) { return toText(env_, item, ok); });
}

std::vector<int64_t> Fields::integers(const char* name) const {
  return elements<int64_t>(env_, value(name), [this](napi_value item, bool* ok) {
    int64_t result = 0;
    *ok = napi_get_value_int64(env_, item, &result) == napi_ok;
    return result;
  });
}

void addMethods(napi_env env, napi_value exports, std::initializer_list<Method> methods) {
  for (const Method& method : methods) {
    napi_value function;
    napi_create_function(env, method.name, NAPI_AUTO_LENGTH, method.function, nullptr, &function);
    set(env, exports, method.name, function);
  }
}

}  // namespace tlspool::node
