#include "engine/events.h"

#include "engine/alerts.h"
#include "node/shape.h"
#include "token/key.h"

namespace tlspool::engine {

using node::set;
using node::Shape;

namespace {

napi_value numbers(napi_env env, const std::vector<uint16_t>& values) {
  return node::numbers(env, std::vector<uint32_t>(values.begin(), values.end()));
}

napi_value textOrUndefined(napi_env env, const std::string& text) {
  return text.empty() ? node::undefined(env) : node::string(env, text);
}

napi_value failureToJs(napi_env env, const Failure& failure) {
  napi_value result = node::object(env);
  set(env, result, "side", node::string(env, failure.remote ? "remote" : "local"));
  set(env, result, "reason", node::string(env, failure.reason));
  if (failure.alert >= 0) {
    napi_value alert = node::object(env);
    set(env, alert, "direction", node::string(env, failure.alertSent ? "sent" : "received"));
    set(env, alert, "name", node::string(env, alertName(failure.alert)));
    set(env, alert, "code", node::number(env, failure.alert));
    set(env, result, "alert", alert);
  }
  if (failure.pkcs11) {
    napi_value pkcs11 = node::object(env);
    set(env, pkcs11, "value", node::number(env, static_cast<double>(failure.pkcs11)));
    set(env, pkcs11, "name", node::string(env, token::returnValueName(failure.pkcs11)));
    set(env, result, "pkcs11", pkcs11);
  }
  return result;
}

}  // namespace

napi_value countersToJs(napi_env env, const Counters& counters, uint64_t now) {
  static const Shape shape{"bytesIn", "bytesOut", "recordsIn", "recordsOut",
                           "lostIn",  "lostOut",  "duration"};
  auto number = [env](uint64_t value) { return node::number(env, static_cast<double>(value)); };
  return shape.make(env, {number(counters.bytesIn.value()), number(counters.bytesOut.value()),
                          number(counters.recordsIn.value()), number(counters.recordsOut.value()),
                          number(counters.lostIn.value()), number(counters.lostOut.value()),
                          number(now - counters.opened)});
}

napi_value HelloEvent::toJs(napi_env env) const {
  static const Shape shape{"type", "session", "serverName", "alpn", "signatureSchemes"};
  return shape.make(env, {node::string(env, "hello"), number(env),
                          textOrUndefined(env, hello_.serverName), node::strings(env, hello_.alpn),
                          numbers(env, hello_.signatureSchemes)});
}

napi_value CertificateRequestedEvent::toJs(napi_env env) const {
  static const Shape shape{"type", "session", "signatureSchemes", "authorities"};
  return shape.make(env, {node::string(env, "certificateRequested"), number(env),
                          numbers(env, schemes_), node::buffers(env, authorities_)});
}

napi_value VerifyPeerEvent::toJs(napi_env env) const {
  static const Shape shape{"type",   "session", "chain",      "ocsp",      "version",
                           "cipher", "group",   "serverName", "credential"};
  return shape.make(env, {node::string(env, "verifyPeer"), number(env), node::buffers(env, chain_),
                          ocsp_.empty() ? node::undefined(env) : node::buffer(env, ocsp_),
                          node::string(env, agreed_.version), node::string(env, agreed_.cipher),
                          node::string(env, agreed_.group),
                          textOrUndefined(env, agreed_.serverName),
                          node::number(env, agreed_.credential)});
}

napi_value EstablishedEvent::toJs(napi_env env) const {
  static const Shape shape{"type", "session",    "version", "cipher",  "group",
                           "alpn", "credential", "resumed", "peerName"};
  const Established& made = established_;
  return shape.make(env, {node::string(env, "established"), number(env),
                          node::string(env, made.version), node::string(env, made.cipher),
                          node::string(env, made.group), node::string(env, made.alpn),
                          node::number(env, made.credential), node::boolean(env, made.resumed),
                          node::string(env, made.peerName)});
}

napi_value ClosedEvent::toJs(napi_env env) const {
  static const Shape shape{"type", "session", "reason", "failure", "counters"};
  before_(session());
  return shape.make(env, {node::string(env, "closed"), number(env),
                          node::string(env, spelling(end_.reason)),
                          end_.failure ? failureToJs(env, *end_.failure) : node::undefined(env),
                          countersToJs(env, *counters_, ended_)});
}

}  // namespace tlspool::engine
