// How a session ended.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace tlspool::engine {

enum class EndReason : uint8_t {
  kClosed,
  kTruncated,
  kPeerReset,
  kProgramGone,
  kHandshakeFailed,
  kHandshakeTimeout,
  kIdleTimeout,
  kRefused,
  kEnded,
  kProtocolError,
};

/// As in EndReason of types.ts.
const char* spelling(EndReason reason);

/// The last alerts that went over a connection; -1: none. close_notify is not counted.
struct Alerts {
  int16_t sent = -1;
  int16_t received = -1;
};

/// EngineFailure of types.ts.
struct Failure {
  bool remote = false;
  std::string reason;
  /// -1: none.
  int alert = -1;
  bool alertSent = false;
  /// CKR_… ; 0: none.
  unsigned long pkcs11 = 0;

  /// From the alerts and OpenSSL's error queue of this thread, which is emptied.
  static Failure fromOpenSsl(const Alerts& alerts);
  /// What the socket said.
  static Failure lostConnection(const Alerts& alerts, const char* reason);
  static Failure local(const Alerts& alerts, std::string reason);
  /// What epoll(7) said (errno), so that nothing more would be heard of a descriptor.
  static Failure unwatched(const Alerts& alerts);
};

struct End {
  EndReason reason = EndReason::kClosed;
  std::optional<Failure> failure;
};

}  // namespace tlspool::engine
