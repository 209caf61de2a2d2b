#include "engine/binding.h"

#include <algorithm>
#include <unordered_map>

#include "async/park.h"
#include "engine/alerts.h"
#include "engine/anchors.h"
#include "engine/credential.h"
#include "engine/engine.h"
#include "engine/events.h"
#include "engine/facts.h"
#include "engine/ocsp.h"
#include "node/answer.h"
#include "node/values.h"
#include "socket/kind.h"

namespace tlspool::engine {

namespace {

using node::Arguments;
using node::Fields;

/// What JavaScript holds by number.
template <typename Object>
class Handles {
 public:
  uint32_t next() { return ++last_; }
  void put(uint32_t handle, std::shared_ptr<const Object> object) {
    objects_.emplace(handle, std::move(object));
  }
  std::shared_ptr<const Object> find(int64_t handle) const {
    auto found = objects_.find(static_cast<uint32_t>(handle));
    return found == objects_.end() ? nullptr : found->second;
  }
  void release(int64_t handle) { objects_.erase(static_cast<uint32_t>(handle)); }

 private:
  std::unordered_map<uint32_t, std::shared_ptr<const Object>> objects_;
  uint32_t last_ = 0;
};

Handles<Credential>& credentials() {
  static auto* all = new Handles<Credential>;
  return *all;
}

Handles<Crl>& crls() {
  static auto* all = new Handles<Crl>;
  return *all;
}

Handles<Anchors>& anchorSets() {
  static auto* all = new Handles<Anchors>;
  return *all;
}

napi_value notRunning(napi_env env) {
  return node::throwError(env, "ERR_INVALID_STATE", "the engine does not run");
}

// ---- what JavaScript says, as C++ types

PeerDemand toDemand(const std::string& text) {
  if (text == "require") return PeerDemand::kRequire;
  return text == "request" ? PeerDemand::kRequest : PeerDemand::kIgnore;
}

Role toRole(const std::string& text) { return text == "client" ? Role::kClient : Role::kServer; }

std::optional<ResumptionContext> toContext(const node::Bytes& bytes) {
  ResumptionContext context;
  if (bytes.size() != context.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), context.begin());
  return context;
}

/// `{ credentials: number[], peer?: string, context?: Buffer }`
LocalChoice toChoice(const Fields& fields) {
  LocalChoice choice;
  for (int64_t handle : fields.integers("credentials")) {
    if (auto credential = credentials().find(handle)) choice.credentials.push_back(credential);
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

/// Throws for a descriptor that does not do; it is closed then.
bool usable(napi_env env, const socket::Descriptor& fd, const char* which) {
  std::string why = socket::whyUnusable(fd.number());
  if (why.empty()) return true;
  node::throwError(env, "unusable-descriptor",
                   "the " + std::string(which) + " descriptor cannot be used: " + why);
  return false;
}

// ---- the engine

/// `engineStart({ threads, keyUpdateRecords? })`
napi_value engineStart(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Fields options(env, arguments.value(0));
  if (Engine::instance()) {
    return node::throwError(env, "ERR_INVALID_STATE", "the engine runs already");
  }
  Limits limits;
  limits.keyUpdateRecords = static_cast<uint64_t>(
      options.integer("keyUpdateRecords", static_cast<int64_t>(limits.keyUpdateRecords)));
  int threads = static_cast<int>(std::max<int64_t>(options.integer("threads", 1), 1));
  std::string reason;
  if (!Engine::start(threads, limits, &reason)) {
    return node::throwError(env, "ERR_ENGINE", reason);
  }
  return node::undefined(env);
}

napi_value engineStop(napi_env env, napi_callback_info) {
  if (Engine::instance()) Engine::instance()->stop();
  return node::undefined(env);
}

/// For tests and status: `{ residents, parkedJobs }`.
napi_value engineState(napi_env env, napi_callback_info) {
  Engine* engine = Engine::instance();
  napi_value result = node::object(env);
  node::set(env, result, "residents",
            node::number(env, engine ? static_cast<double>(engine->residents()) : 0));
  node::set(env, result, "parkedJobs", node::number(env, async::parkedJobs()));
  return result;
}

napi_value dropTickets(napi_env env, napi_callback_info) {
  if (Engine* engine = Engine::instance()) {
    engine->tls().ticketKeys().forget();
    engine->tls().clientSessions().forget();
  }
  return node::undefined(env);
}

// ---- sessions

/// `sessionOpen(options) → id`: OpenSession of types.ts, with `ask` instead of `local: 'ask'` and
/// the context of a resumption as `context`.
napi_value sessionOpen(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Fields fields(env, arguments.value(0));
  auto options = std::make_unique<SessionOptions>();
  options->net = socket::Descriptor(static_cast<int>(fields.integer("fd", -1)));
  options->plain = socket::Descriptor(static_cast<int>(fields.integer("plainFd", -1)));
  if (!Engine::instance()) return notRunning(env);
  if (!usable(env, options->net, "ciphertext")) return nullptr;
  if (options->plain && !usable(env, options->plain, "plaintext")) return nullptr;
  options->role = toRole(fields.text("role"));
  options->handshakeTimeout = static_cast<uint32_t>(fields.integer("handshakeTimeout", 0));
  options->idleTimeout = static_cast<uint32_t>(fields.integer("idleTimeout", 0));
  options->ask = fields.flag("ask", false);
  if (!options->ask) options->local = toChoice(Fields(env, fields.value("local")));
  options->serverName = fields.text("serverName");
  options->alpn = toAlpn(fields.texts("alpn"));
  options->peer = toDemand(fields.text("peer"));
  options->resumption = toContext(fields.bytes("context"));
  SessionId id = Engine::instance()->open(std::move(options));
  return node::number(env, static_cast<double>(id));
}

SessionId sessionOf(Arguments& arguments) { return static_cast<SessionId>(arguments.integer(0)); }

/// `sessionChooseLocal(id, choice)`
napi_value sessionChooseLocal(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  SessionId id = sessionOf(arguments);
  if (!arguments.ok()) return nullptr;
  LocalChoice choice = toChoice(Fields(env, arguments.value(1)));
  if (!Engine::instance()) return notRunning(env);
  Engine::instance()->tell(id, [choice](Session& session) { session.chooseLocal(choice); });
  return node::undefined(env);
}

/// `sessionRefuse(id, alertName, reason)`
napi_value sessionRefuse(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  SessionId id = sessionOf(arguments);
  int alert = alertCode(arguments.text(1));
  std::string reason = arguments.text(2);
  if (!arguments.ok()) return nullptr;
  if (alert < 0) return node::throwError(env, "ERR_INVALID_ARG_VALUE", "no alert of that name");
  if (!Engine::instance()) return notRunning(env);
  Engine::instance()->tell(id, [=](Session& session) { session.refuse(alert, reason); });
  return node::undefined(env);
}

/// `sessionAcceptPeer(id, name, until)`
napi_value sessionAcceptPeer(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  SessionId id = sessionOf(arguments);
  std::string name = arguments.text(1);
  int64_t until = arguments.integer(2);
  if (!arguments.ok()) return nullptr;
  if (!Engine::instance()) return notRunning(env);
  Engine::instance()->tell(id, [=](Session& session) { session.acceptPeer(name, until); });
  return node::undefined(env);
}

/// `sessionAttach(id, fd)`
napi_value sessionAttach(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  SessionId id = sessionOf(arguments);
  int number = static_cast<int>(arguments.integer(1));
  if (!arguments.ok()) return nullptr;
  auto plain = std::make_shared<socket::Descriptor>(number);
  if (!usable(env, *plain, "plaintext")) return nullptr;
  if (!Engine::instance()) return notRunning(env);
  Engine::instance()->tell(id, [plain](Session& session) { session.attach(std::move(*plain)); });
  return node::undefined(env);
}

/// `sessionClose(id, abort)`
napi_value sessionClose(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  SessionId id = sessionOf(arguments);
  bool abort = arguments.flag(1);
  if (!arguments.ok()) return nullptr;
  if (!Engine::instance()) return notRunning(env);
  Engine::instance()->tell(id,
                           [=](Session& session) { abort ? session.abandon() : session.drain(); });
  return node::undefined(env);
}

/// `sessionCounters(id)`; undefined once it is closed.
napi_value sessionCounters(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  SessionId id = sessionOf(arguments);
  if (!arguments.ok()) return nullptr;
  auto counters = Engine::instance() ? Engine::instance()->counters(id) : nullptr;
  return counters ? countersToJs(env, *counters, monotonicTime()) : node::undefined(env);
}

// ---- questions about an established session, answered by an event

/// Asks on the session's thread; `question` makes the value, on the main thread again.
napi_value askSession(napi_env env, SessionId id, double request,
                      std::function<node::Answer::Value(SSL*)> question) {
  if (!Engine::instance()) return notRunning(env);
  auto gone = [request] {
    node::postEvent(
        std::make_unique<node::Answer>(request, "session-gone", "the session is not established"));
  };
  Engine::instance()->ask(
      id,
      [=](Session& session) {
        if (!session.established()) return gone();
        node::postEvent(std::make_unique<node::Answer>(request, question(session.established())));
      },
      gone);
  return node::undefined(env);
}

node::Answer::Value asBuffer(std::optional<node::Bytes> bytes) {
  return [bytes = std::move(bytes)](napi_env env) {
    return bytes ? node::buffer(env, *bytes) : node::undefined(env);
  };
}

/// `sessionExport(id, request, label, context | undefined, length)`
napi_value sessionExport(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  SessionId id = sessionOf(arguments);
  auto request = static_cast<double>(arguments.integer(1));
  std::string label = arguments.text(2);
  napi_valuetype type = napi_undefined;
  napi_typeof(env, arguments.value(3), &type);
  std::optional<node::Bytes> context;
  if (type != napi_undefined) context = arguments.bytes(3);
  auto length = static_cast<size_t>(arguments.integer(4));
  if (!arguments.ok()) return nullptr;
  return askSession(env, id, request, [=](SSL* ssl) {
    return asBuffer(facts::exportKeys(ssl, label, context, length));
  });
}

/// `sessionCertificates(id, request)`
napi_value sessionCertificates(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  SessionId id = sessionOf(arguments);
  auto request = static_cast<double>(arguments.integer(1));
  if (!arguments.ok()) return nullptr;
  return askSession(env, id, request, [](SSL* ssl) -> node::Answer::Value {
    return [own = facts::ownCertificates(ssl), peer = facts::peerCertificates(ssl)](napi_env to) {
      napi_value result = node::object(to);
      node::set(to, result, "own", node::buffers(to, own));
      node::set(to, result, "peer", node::buffers(to, peer));
      return result;
    };
  });
}

/// `sessionChannelBinding(id, request, kind)`
napi_value sessionChannelBinding(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  SessionId id = sessionOf(arguments);
  auto request = static_cast<double>(arguments.integer(1));
  std::string kind = arguments.text(2);
  if (!arguments.ok()) return nullptr;
  return askSession(env, id, request, [=](SSL* ssl) {
    if (kind == "tls-exporter") return asBuffer(facts::tlsExporter(ssl));
    return asBuffer(kind == "tls-unique" ? facts::tlsUnique(ssl) : facts::tlsServerEndPoint(ssl));
  });
}

// ---- credentials and anchors

/// `credentialCreate(chain, key) → handle`
napi_value credentialCreate(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Fields fields(env, arguments.value(0));
  uint32_t handle = credentials().next();
  std::string reason;
  auto credential =
      Credential::create(handle, fields.byteArrays("chain"),
                         static_cast<token::KeyHandle>(fields.integer("key", 0)), &reason);
  if (!credential) return node::throwError(env, "unusable-credential", reason);
  credentials().put(handle, std::move(credential));
  return node::number(env, handle);
}

napi_value credentialRelease(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  credentials().release(arguments.integer(0));
  return node::undefined(env);
}

/// `credentialStaple(handle, response | undefined)`
napi_value credentialStaple(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  auto credential = credentials().find(arguments.integer(0));
  napi_valuetype type = napi_undefined;
  napi_typeof(env, arguments.value(1), &type);
  node::Bytes response;
  if (type != napi_undefined) response = arguments.bytes(1);
  if (!arguments.ok()) return nullptr;
  if (credential) credential->keepStaple(std::move(response));
  return node::undefined(env);
}

/// `anchorsCreate({ certificates }) → handle`
napi_value anchorsCreate(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  auto anchors = Anchors::create(Fields(env, arguments.value(0)).byteArrays("certificates"));
  if (!anchors) {
    return node::throwError(env, "unusable-certificate", "an anchor is not a certificate");
  }
  uint32_t handle = anchorSets().next();
  anchorSets().put(handle, std::move(anchors));
  return node::number(env, handle);
}

napi_value anchorsRelease(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  anchorSets().release(arguments.integer(0));
  return node::undefined(env);
}

napi_value verdictToJs(napi_env env, const PathVerdict& verdict) {
  napi_value result = node::object(env);
  node::set(env, result, "ok", node::boolean(env, verdict.error == 0));
  node::set(env, result, "error", node::number(env, verdict.error));
  node::set(env, result, "message", node::string(env, verdict.message));
  node::set(env, result, "depth", node::number(env, verdict.depth));
  node::set(env, result, "path", node::buffers(env, verdict.path));
  return result;
}

/// `pathVerify(request, PathQuestion)`
napi_value pathVerify(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  auto request = static_cast<double>(arguments.integer(0));
  if (!arguments.ok()) return nullptr;
  Fields fields(env, arguments.value(1));
  auto anchors = anchorSets().find(fields.integer("anchors", 0));
  if (!anchors) return node::throwError(env, "ERR_INVALID_ARG_VALUE", "no anchors of that handle");
  if (!Engine::instance()) return notRunning(env);
  PathQuestion question;
  question.chain = fields.byteArrays("chain");
  if (fields.has("role")) question.remote = toRole(fields.text("role"));
  if (fields.has("at")) question.at = fields.integer("at", 0);
  question.partial = fields.flag("partial", false);
  question.checkRevocation = fields.has("crls");
  for (int64_t handle : fields.integers("crls")) {
    if (auto crl = crls().find(handle)) question.crls.push_back(std::move(crl));
  }
  question.extensions = fields.texts("extensions");
  Engine::instance()->pool().add([=, question = std::move(question)] {
    PathVerdict verdict = anchors->verify(question);
    node::postEvent(std::make_unique<node::Answer>(
        request, [verdict = std::move(verdict)](napi_env to) { return verdictToJs(to, verdict); }));
  });
  return node::undefined(env);
}

// ---- revocation

/// `crlCreate(request, der)`: answers `{ handle, issuer, thisUpdate, nextUpdate }`.
napi_value crlCreate(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  auto request = static_cast<double>(arguments.integer(0));
  node::Bytes der = arguments.bytes(1);
  if (!arguments.ok()) return nullptr;
  if (!Engine::instance()) return notRunning(env);
  Engine::instance()->pool().add([=, der = std::move(der)] {
    std::shared_ptr<const Crl> crl = Crl::create(der);
    if (!crl) {
      node::postEvent(std::make_unique<node::Answer>(request, "unusable-crl",
                                                     "this is not a revocation list in DER"));
      return;
    }
    node::postEvent(std::make_unique<node::Answer>(request, [crl](napi_env to) {
      uint32_t handle = crls().next();
      crls().put(handle, crl);
      napi_value result = node::object(to);
      node::set(to, result, "handle", node::number(to, handle));
      node::set(to, result, "issuer", node::buffer(to, crl->issuer()));
      node::set(to, result, "thisUpdate", node::number(to, static_cast<double>(crl->thisUpdate())));
      node::set(to, result, "nextUpdate", node::number(to, static_cast<double>(crl->nextUpdate())));
      return result;
    }));
  });
  return node::undefined(env);
}

napi_value crlRelease(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  crls().release(arguments.integer(0));
  return node::undefined(env);
}

/// `ocspRequest({ certificate, issuer, nonce? }) → DER`, empty if it cannot be made.
napi_value ocspRequest(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Fields fields(env, arguments.value(0));
  return node::buffer(env, ocsp::request(fields.bytes("certificate"), fields.bytes("issuer"),
                                         fields.bytes("nonce")));
}

const char* spelling(ocsp::Verdict::Status status) {
  switch (status) {
    case ocsp::Verdict::Status::kGood:
      return "good";
    case ocsp::Verdict::Status::kRevoked:
      return "revoked";
    case ocsp::Verdict::Status::kUnknown:
      return "unknown";
    default:
      return "invalid";
  }
}

/// `ocspVerify(request, OcspQuestion)`
napi_value ocspVerify(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  auto request = static_cast<double>(arguments.integer(0));
  if (!arguments.ok()) return nullptr;
  if (!Engine::instance()) return notRunning(env);
  Fields fields(env, arguments.value(1));
  ocsp::Question question;
  question.response = fields.bytes("response");
  question.certificate = fields.bytes("certificate");
  question.issuer = fields.bytes("issuer");
  question.nonce = fields.bytes("nonce");
  question.nonceRequired = fields.flag("nonceRequired", false);
  question.longest = fields.integer("longest", 0);
  Engine::instance()->pool().add([=, question = std::move(question)] {
    ocsp::Verdict verdict = ocsp::verify(question);
    node::postEvent(
        std::make_unique<node::Answer>(request, [verdict = std::move(verdict)](napi_env to) {
          napi_value result = node::object(to);
          node::set(to, result, "status", node::string(to, spelling(verdict.status)));
          node::set(to, result, "reason", node::string(to, verdict.reason));
          auto time = [&](const char* name, int64_t at) {
            node::set(to, result, name, node::number(to, static_cast<double>(at)));
          };
          time("thisUpdate", verdict.thisUpdate);
          time("nextUpdate", verdict.nextUpdate);
          time("revokedAt", verdict.revokedAt);
          return result;
        }));
  });
  return node::undefined(env);
}

}  // namespace

void registerBinding(napi_env env, napi_value exports) {
  node::addMethods(env, exports,
                   {{"engineStart", engineStart},
                    {"engineStop", engineStop},
                    {"engineState", engineState},
                    {"dropTickets", dropTickets},
                    {"sessionOpen", sessionOpen},
                    {"sessionChooseLocal", sessionChooseLocal},
                    {"sessionRefuse", sessionRefuse},
                    {"sessionAcceptPeer", sessionAcceptPeer},
                    {"sessionAttach", sessionAttach},
                    {"sessionClose", sessionClose},
                    {"sessionCounters", sessionCounters},
                    {"sessionExport", sessionExport},
                    {"sessionCertificates", sessionCertificates},
                    {"sessionChannelBinding", sessionChannelBinding},
                    {"credentialCreate", credentialCreate},
                    {"credentialRelease", credentialRelease},
                    {"credentialStaple", credentialStaple},
                    {"crlCreate", crlCreate},
                    {"crlRelease", crlRelease},
                    {"ocspRequest", ocspRequest},
                    {"ocspVerify", ocspVerify},
                    {"anchorsCreate", anchorsCreate},
                    {"anchorsRelease", anchorsRelease},
                    {"pathVerify", pathVerify}});
}

}  // namespace tlspool::engine
