#include "engine/end.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <cstring>

#include "token/key.h"

namespace tlspool::engine {

namespace {

/// OpenSSL's reasons that an operator would not understand, in other words.
const char* plainWords(unsigned long error) {
  if (ERR_GET_LIB(error) != ERR_LIB_SSL) return nullptr;
  switch (ERR_GET_REASON(error)) {
    case SSL_R_HTTP_REQUEST:
      return "http request: the peer speaks plain HTTP, not TLS";
    case SSL_R_HTTPS_PROXY_REQUEST:
      return "https proxy request: the peer speaks plain HTTP, not TLS";
    case SSL_R_NO_RENEGOTIATION:
      return "no renegotiation: the peer refuses to renegotiate";
    default:
      return nullptr;
  }
}

/// The first error of the TLS library, else the first of all.
unsigned long tellingError() {
  unsigned long first = 0;
  unsigned long telling = 0;
  while (unsigned long error = ERR_get_error()) {
    if (!first) first = error;
    if (!telling && ERR_GET_LIB(error) == ERR_LIB_SSL &&
        ERR_GET_REASON(error) != ERR_R_INTERNAL_ERROR) {
      telling = error;
    }
  }
  return telling ? telling : first;
}

void tellAlerts(Failure& failure, const Alerts& alerts) {
  if (alerts.received >= 0) {
    failure.alert = alerts.received;
    failure.alertSent = false;
  } else if (alerts.sent >= 0) {
    failure.alert = alerts.sent;
    failure.alertSent = true;
  }
}

}  // namespace

const char* spelling(EndReason reason) {
  switch (reason) {
    case EndReason::kClosed:
      return "closed";
    case EndReason::kTruncated:
      return "truncated";
    case EndReason::kPeerReset:
      return "peer-reset";
    case EndReason::kProgramGone:
      return "program-gone";
    case EndReason::kHandshakeFailed:
      return "handshake-failed";
    case EndReason::kHandshakeTimeout:
      return "handshake-timeout";
    case EndReason::kIdleTimeout:
      return "idle-timeout";
    case EndReason::kRefused:
      return "refused";
    case EndReason::kEnded:
      return "ended";
    case EndReason::kProtocolError:
      return "protocol-error";
  }
  return "";
}

Failure Failure::fromOpenSsl(const Alerts& alerts) {
  Failure failure;
  unsigned long error = tellingError();
  const char* words = plainWords(error);
  if (!words) words = error ? ERR_reason_error_string(error) : nullptr;
  failure.reason = words ? words : "the handshake failed";
  failure.remote = alerts.received >= 0;
  tellAlerts(failure, alerts);
  failure.pkcs11 = token::takeLastFailure();
  return failure;
}

Failure Failure::lostConnection(const Alerts& alerts, const char* reason) {
  Failure failure;
  failure.remote = true;
  failure.reason = reason;
  tellAlerts(failure, alerts);
  return failure;
}

Failure Failure::local(const Alerts& alerts, std::string reason) {
  Failure failure;
  failure.reason = std::move(reason);
  tellAlerts(failure, alerts);
  return failure;
}

Failure Failure::unwatched(const Alerts& alerts) {
  return local(alerts, std::string("the kernel watches no more sockets: ") + strerrordesc_np(errno) +
                           " (raise fs.epoll.max_user_watches)");
}

}  // namespace tlspool::engine
