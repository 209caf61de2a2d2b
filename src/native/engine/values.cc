#include "engine/values.h"

#include <algorithm>

#include "engine/handles.h"

namespace tlspool::engine {

PeerDemand toDemand(const std::string& text) {
  if (text == "require") return PeerDemand::kRequire;
  return text == "request" ? PeerDemand::kRequest : PeerDemand::kIgnore;
}

Role toRole(const std::string& text) { return text == "client" ? Role::kClient : Role::kServer; }

uint64_t toTime(int64_t milliseconds) {
  constexpr int64_t kLongest = int64_t{100} * 365 * 24 * 60 * 60 * 1000;
  return static_cast<uint64_t>(std::clamp<int64_t>(milliseconds, 0, kLongest));
}

std::optional<ResumptionContext> toContext(const node::Bytes& bytes) {
  ResumptionContext context;
  if (bytes.size() != context.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), context.begin());
  return context;
}

LocalChoice toChoice(const node::Fields& fields) {
  LocalChoice choice;
  for (int64_t handle : fields.integers("credentials")) {
    if (auto credential = Handles<Credential>::all().find(handle))
      choice.credentials.push_back(credential);
  }
  if (fields.has("peer")) choice.peer = toDemand(fields.text("peer"));
  choice.resumption = toContext(fields.bytes("context"));
  return choice;
}

node::Bytes toAlpn(const std::vector<std::string>& names) {
  node::Bytes wire;
  for (const std::string& name : names) {
    if (name.empty() || name.size() > 255) continue;
    wire.push_back(static_cast<unsigned char>(name.size()));
    wire.insert(wire.end(), name.begin(), name.end());
  }
  return wire;
}

napi_value notRunning(napi_env env) {
  return node::throwError(env, "ERR_INVALID_STATE", "the engine does not run");
}

}  // namespace tlspool::engine
