#include "engine/resumption.h"

#include <cstring>
#include <vector>

namespace tlspool::engine {

namespace {

/// context[32] until[8, host order: tickets do not outlive the process] flags[1] peerName[rest]
constexpr size_t kUntil = 32;
constexpr size_t kFlags = 40;
constexpr size_t kName = 41;
constexpr unsigned char kAsked = 1;
constexpr unsigned char kShown = 2;

}  // namespace

bool Resumption::holdsFor(const ResumptionContext& itsContext, PeerDemand demand,
                          int64_t now) const {
  if (context != itsContext) return false;
  if (asked != (demand != PeerDemand::kIgnore)) return false;
  if (demand == PeerDemand::kRequire && !shown) return false;
  return !shown || until > now;
}

bool Resumption::writeTo(SSL_SESSION* session) const {
  std::vector<unsigned char> data(kName + peerName.size());
  memcpy(data.data(), context.data(), context.size());
  memcpy(data.data() + kUntil, &until, sizeof until);
  data[kFlags] = (asked ? kAsked : 0) | (shown ? kShown : 0);
  memcpy(data.data() + kName, peerName.data(), peerName.size());
  return SSL_SESSION_set1_ticket_appdata(session, data.data(), data.size()) == 1;
}

std::optional<Resumption> Resumption::readFrom(SSL_SESSION* session) {
  void* stored = nullptr;
  size_t length = 0;
  if (SSL_SESSION_get0_ticket_appdata(session, &stored, &length) != 1 || length < kName) {
    return std::nullopt;
  }
  auto* data = static_cast<const unsigned char*>(stored);
  Resumption result;
  memcpy(result.context.data(), data, result.context.size());
  memcpy(&result.until, data + kUntil, sizeof result.until);
  result.asked = data[kFlags] & kAsked;
  result.shown = data[kFlags] & kShown;
  result.peerName.assign(reinterpret_cast<const char*>(data + kName), length - kName);
  return result;
}

}  // namespace tlspool::engine
