#include "engine/events.h"

#include "engine/alerts.h"
#include "token/key.h"

namespace tlspool::engine {

using node::set;

namespace {

napi_value numbers(napi_env env, const std::vector<uint16_t>& values) {
  return node::numbers(env, std::vector<uint32_t>(values.begin(), values.end()));
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
  napi_value result = node::object(env);
  auto put = [&](const char* name, uint64_t value) {
    set(env, result, name, node::number(env, static_cast<double>(value)));
  };
  put("bytesIn", counters.bytesIn.value());
  put("bytesOut", counters.bytesOut.value());
  put("recordsIn", counters.recordsIn.value());
  put("recordsOut", counters.recordsOut.value());
  put("lostIn", counters.lostIn.value());
  put("lostOut", counters.lostOut.value());
  put("duration", now - counters.opened);
  return result;
}

napi_value SessionEvent::toJs(napi_env env) const {
  napi_value result = node::object(env);
  set(env, result, "type", node::string(env, type()));
  set(env, result, "session", node::number(env, static_cast<double>(session_)));
  fill(env, result);
  return result;
}

void HelloEvent::fill(napi_env env, napi_value object) const {
  set(env, object, "serverName",
      hello_.serverName.empty() ? node::undefined(env) : node::string(env, hello_.serverName));
  set(env, object, "alpn", node::strings(env, hello_.alpn));
  set(env, object, "signatureSchemes", numbers(env, hello_.signatureSchemes));
}

void CertificateRequestedEvent::fill(napi_env env, napi_value object) const {
  set(env, object, "signatureSchemes", numbers(env, schemes_));
  set(env, object, "authorities", node::buffers(env, authorities_));
}

void VerifyPeerEvent::fill(napi_env env, napi_value object) const {
  set(env, object, "chain", node::buffers(env, chain_));
  set(env, object, "ocsp", ocsp_.empty() ? node::undefined(env) : node::buffer(env, ocsp_));
  set(env, object, "version", node::string(env, agreed_.version));
  set(env, object, "cipher", node::string(env, agreed_.cipher));
  set(env, object, "group", node::string(env, agreed_.group));
  set(env, object, "serverName",
      agreed_.serverName.empty() ? node::undefined(env) : node::string(env, agreed_.serverName));
  set(env, object, "credential", node::number(env, agreed_.credential));
}

void EstablishedEvent::fill(napi_env env, napi_value object) const {
  set(env, object, "version", node::string(env, established_.version));
  set(env, object, "cipher", node::string(env, established_.cipher));
  set(env, object, "group", node::string(env, established_.group));
  set(env, object, "alpn", node::string(env, established_.alpn));
  set(env, object, "credential", node::number(env, established_.credential));
  set(env, object, "resumed", node::boolean(env, established_.resumed));
  set(env, object, "peerName", node::string(env, established_.peerName));
}

void ClosedEvent::fill(napi_env env, napi_value object) const {
  before_(id_);
  set(env, object, "reason", node::string(env, spelling(end_.reason)));
  set(env, object, "failure",
      end_.failure ? failureToJs(env, *end_.failure) : node::undefined(env));
  set(env, object, "counters", countersToJs(env, *counters_, ended_));
}

}  // namespace tlspool::engine
