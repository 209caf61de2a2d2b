// What a session tells the brain: the events of src/core/engine/types.ts, of the same names.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/counters.h"
#include "engine/end.h"
#include "engine/session-options.h"
#include "node/event.h"
#include "node/values.h"

namespace tlspool::engine {

class SessionEvent : public node::Event {
 public:
  explicit SessionEvent(SessionId session) : session_(session) {}

 protected:
  SessionId session() const { return session_; }
  /// As JavaScript has it.
  napi_value number(napi_env env) const { return node::number(env, static_cast<double>(session_)); }

 private:
  SessionId session_;
};

class HelloEvent final : public SessionEvent {
 public:
  HelloEvent(SessionId session, const ClientHello& hello) : SessionEvent(session), hello_(hello) {}

  napi_value toJs(napi_env env) const override;

 private:
  ClientHello hello_;
};

class CertificateRequestedEvent final : public SessionEvent {
 public:
  CertificateRequestedEvent(SessionId session, std::vector<uint16_t> schemes,
                            std::vector<node::Bytes> authorities)
      : SessionEvent(session), schemes_(std::move(schemes)), authorities_(std::move(authorities)) {}

  napi_value toJs(napi_env env) const override;

 private:
  std::vector<uint16_t> schemes_;
  std::vector<node::Bytes> authorities_;
};

/// As in types.ts.
inline const char* versionName(const SSL* ssl) {
  if (SSL_is_dtls(ssl)) return "DTLSv1.2";
  return SSL_version(ssl) == TLS1_3_VERSION ? "TLSv1.3" : "TLSv1.2";
}

/// What was agreed on by the time that the peer shows its certificate.
struct Agreed {
  const char* version = "";
  std::string cipher;
  std::string group;
  /// As it went over the wire in clear; "" if none did.
  std::string serverName;
  /// Servers: what we showed; 0: nothing yet.
  CredentialHandle credential = 0;
};

class VerifyPeerEvent final : public SessionEvent {
 public:
  VerifyPeerEvent(SessionId session, std::vector<node::Bytes> chain, node::Bytes ocsp,
                  Agreed agreed)
      : SessionEvent(session),
        chain_(std::move(chain)),
        ocsp_(std::move(ocsp)),
        agreed_(std::move(agreed)) {}

  napi_value toJs(napi_env env) const override;

 private:
  std::vector<node::Bytes> chain_;
  node::Bytes ocsp_;
  Agreed agreed_;
};

struct Established {
  const char* version = "";
  std::string cipher;
  std::string group;
  std::string alpn;
  CredentialHandle credential = 0;
  bool resumed = false;
  std::string peerName;
};

class EstablishedEvent final : public SessionEvent {
 public:
  EstablishedEvent(SessionId session, Established established)
      : SessionEvent(session), established_(std::move(established)) {}

  napi_value toJs(napi_env env) const override;

 private:
  Established established_;
};

class ClosedEvent final : public SessionEvent {
 public:
  /// `before` is called on the main thread just before JavaScript hears of it.
  ClosedEvent(SessionId session, End end, std::shared_ptr<Counters> counters,
              void (*before)(SessionId))
      : SessionEvent(session),
        end_(std::move(end)),
        counters_(std::move(counters)),
        ended_(monotonicTime()),
        before_(before) {}

  napi_value toJs(napi_env env) const override;

 private:
  End end_;
  std::shared_ptr<Counters> counters_;
  uint64_t ended_;
  void (*before_)(SessionId);
};

/// Counters of types.ts, as of the time `now`.
napi_value countersToJs(napi_env env, const Counters& counters, uint64_t now);

}  // namespace tlspool::engine
