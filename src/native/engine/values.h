// What JavaScript says, as the engine's types.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/session-options.h"
#include "node/values.h"

namespace tlspool::engine {

PeerDemand toDemand(const std::string& text);
Role toRole(const std::string& text);

/// ms, up to a hundred years; 0 for none.
uint64_t toTime(int64_t milliseconds);

/// Nothing unless it is as long as a context.
std::optional<ResumptionContext> toContext(const node::Bytes& bytes);

/// `{ credentials: number[], peer?: string, context?: Buffer }`
LocalChoice toChoice(const node::Fields& fields);

/// As RFC 7301 writes them.
node::Bytes toAlpn(const std::vector<std::string>& names);

napi_value notRunning(napi_env env);

}  // namespace tlspool::engine
