#include "engine/session-binding.h"

#include "engine/alerts.h"
#include "engine/credential.h"
#include "engine/engine.h"
#include "engine/events.h"
#include "engine/facts.h"
#include "engine/handles.h"
#include "engine/values.h"
#include "node/owed-answer.h"
#include "node/values.h"
#include "socket/kind.h"

namespace tlspool::engine {

namespace {

using node::Arguments;
using node::Fields;
using Order = std::function<void(Session&)>;
using Question = std::function<node::Answer::Value(SSL*)>;

/// Throws for a descriptor that does not do, for the reason given; it is closed then.
bool usable(napi_env env, const char* which, const std::string& why) {
  if (why.empty()) return true;
  node::throwError(env, "unusable-descriptor",
                   "the " + std::string(which) + " descriptor cannot be used: " + why);
  return false;
}

std::string whyNotNet(int fd, Transport transport) {
  return transport == Transport::kStream ? socket::whyUnusable(fd) : socket::whyNotUdp(fd);
}

std::string whyNotPlain(int fd, Transport transport) {
  return transport == Transport::kStream ? socket::whyUnusable(fd) : socket::whyNotDatagrams(fd);
}

Transport toTransport(bool datagrams) {
  return datagrams ? Transport::kDatagrams : Transport::kStream;
}

/// Empty where there is none.
ShownHello toHello(napi_env env, const Fields& session) {
  if (!session.has("hello")) return {};
  Fields fields(env, session.value("hello"));
  return {fields.bytes("datagram"), fields.bytes("cookie")};
}

/// `sessionOpen(options) → id`: OpenSession of types.ts, with `ask` instead of `local: 'ask'` and
/// the context of a resumption as `context`.
napi_value sessionOpen(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Fields fields(env, arguments.value(0));
  auto options = std::make_unique<SessionOptions>();
  options->net = socket::Descriptor(static_cast<int>(fields.integer("fd", -1)));
  options->plain = socket::Descriptor(static_cast<int>(fields.integer("plainFd", -1)));
  if (!Engine::instance()) return notRunning(env);
  options->transport = toTransport(fields.flag("datagrams", false));
  if (!usable(env, "ciphertext", whyNotNet(options->net.number(), options->transport))) {
    return nullptr;
  }
  if (options->plain &&
      !usable(env, "plaintext", whyNotPlain(options->plain.number(), options->transport))) {
    return nullptr;
  }
  options->role = toRole(fields.text("role"));
  options->handshakeTimeout = toTime(fields.integer("handshakeTimeout", 0));
  options->idleTimeout = toTime(fields.integer("idleTimeout", 0));
  options->ask = fields.flag("ask", false);
  if (!options->ask) options->local = toChoice(Fields(env, fields.value("local")));
  options->serverName = fields.text("serverName");
  options->alpn = toAlpn(fields.texts("alpn"));
  options->peer = toDemand(fields.text("peer"));
  options->resumption = toContext(fields.bytes("context"));
  options->hello = toHello(env, fields);
  SessionId id = Engine::instance()->open(std::move(options));
  return node::number(env, static_cast<double>(id));
}

/// A function of JavaScript about a session, its first argument: `read` makes an order for it of
/// the others, or none if it has thrown.
template <typename Read>
napi_value tell(napi_env env, napi_callback_info info, Read read) {
  Arguments arguments(env, info);
  const auto id = static_cast<SessionId>(arguments.integer(0));
  Order order = read(arguments);
  if (!arguments.ok() || !order) return nullptr;
  if (!Engine::instance()) return notRunning(env);
  Engine::instance()->tell(id, std::move(order));
  return node::undefined(env);
}

/// The same for a question about an established session, which an event answers: `(id, request,
/// …)`.
template <typename Read>
napi_value ask(napi_env env, napi_callback_info info, Read read) {
  Arguments arguments(env, info);
  const auto id = static_cast<SessionId>(arguments.integer(0));
  const auto request = static_cast<double>(arguments.integer(1));
  Question question = read(arguments);
  if (!arguments.ok()) return nullptr;
  if (!Engine::instance()) return notRunning(env);
  auto owed = std::make_shared<node::OwedAnswer>(request);
  auto gone = [owed] { owed->refuse("session-gone", "the session is not established"); };
  Engine::instance()->ask(
      id,
      [owed, gone, question = std::move(question)](Session& session) {
        if (!session.established()) return gone();
        owed->give(question(session.established()));
      },
      gone);
  return node::undefined(env);
}

/// Nothing where there is undefined.
std::optional<node::Bytes> optionalBytes(Arguments& arguments, size_t index) {
  napi_valuetype type = napi_undefined;
  napi_typeof(arguments.env(), arguments.value(index), &type);
  if (type == napi_undefined) return std::nullopt;
  return arguments.bytes(index);
}

node::Answer::Value asBuffer(std::optional<node::Bytes> bytes) {
  return [bytes = std::move(bytes)](napi_env env) {
    return bytes ? node::buffer(env, *bytes) : node::undefined(env);
  };
}

/// `sessionChooseLocal(id, choice)`
napi_value sessionChooseLocal(napi_env env, napi_callback_info info) {
  return tell(env, info, [](Arguments& arguments) -> Order {
    LocalChoice choice = toChoice(Fields(arguments.env(), arguments.value(1)));
    return [choice](Session& session) { session.chooseLocal(choice); };
  });
}

/// `sessionRefuse(id, alertName, reason)`
napi_value sessionRefuse(napi_env env, napi_callback_info info) {
  return tell(env, info, [](Arguments& arguments) -> Order {
    const int alert = alertCode(arguments.text(1));
    std::string reason = arguments.text(2);
    if (arguments.ok() && alert < 0) {
      node::throwError(arguments.env(), "ERR_INVALID_ARG_VALUE", "no alert of that name");
      return nullptr;
    }
    return [alert, reason](Session& session) { session.refuse(alert, reason); };
  });
}

/// `sessionAcceptPeer(id, name, until)`
napi_value sessionAcceptPeer(napi_env env, napi_callback_info info) {
  return tell(env, info, [](Arguments& arguments) -> Order {
    std::string name = arguments.text(1);
    const int64_t until = arguments.integer(2);
    return [name, until](Session& session) { session.acceptPeer(name, until); };
  });
}

const char* spelling(Session::Renewing outcome) {
  switch (outcome) {
    case Session::Renewing::kAsked:
      return "asked";
    case Session::Renewing::kRekeyed:
      return "rekeyed";
    case Session::Renewing::kRenegotiating:
      return "renegotiating";
    case Session::Renewing::kInsecure:
      return "insecure";
    case Session::Renewing::kUnable:
      return "unable";
    default:
      return "busy";
  }
}

/// `sessionRenew(id, request, options)`: RenewSession of types.ts, with `ask` instead of `local:
/// 'ask'`. Answered by what came of it.
napi_value sessionRenew(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const auto id = static_cast<SessionId>(arguments.integer(0));
  const auto request = static_cast<double>(arguments.integer(1));
  Fields fields(env, arguments.value(2));
  SessionOptions options;
  options.peer = toDemand(fields.text("peer"));
  options.handshakeTimeout = toTime(fields.integer("timeout", 0));
  options.ask = fields.flag("ask", false);
  if (!options.ask) options.local = toChoice(Fields(env, fields.value("local")));
  if (!arguments.ok()) return nullptr;
  if (!Engine::instance()) return notRunning(env);
  auto owed = std::make_shared<node::OwedAnswer>(request);
  auto give = [owed](Session::Renewing outcome) {
    owed->give([outcome](napi_env to) { return node::string(to, spelling(outcome)); });
  };
  auto asked = std::make_shared<SessionOptions>(std::move(options));
  Engine::instance()->ask(
      id, [=](Session& session) { give(session.renew(std::move(*asked))); },
      [=] { give(Session::Renewing::kBusy); });
  return node::undefined(env);
}

/// `sessionAttach(id, fd, datagrams)`
napi_value sessionAttach(napi_env env, napi_callback_info info) {
  return tell(env, info, [](Arguments& arguments) -> Order {
    const auto number = static_cast<int>(arguments.integer(1));
    const Transport transport = toTransport(arguments.flag(2));
    if (!arguments.ok()) return nullptr;
    auto plain = std::make_shared<socket::Descriptor>(number);
    if (!usable(arguments.env(), "plaintext", whyNotPlain(number, transport))) return nullptr;
    return [plain](Session& session) { session.attach(std::move(*plain)); };
  });
}

/// `sessionClose(id, abort)`
napi_value sessionClose(napi_env env, napi_callback_info info) {
  return tell(env, info, [](Arguments& arguments) -> Order {
    const bool abort = arguments.flag(1);
    return [abort](Session& session) { abort ? session.abandon() : session.drain(); };
  });
}

/// `sessionCounters(id)`; undefined once it is closed.
napi_value sessionCounters(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const auto id = static_cast<SessionId>(arguments.integer(0));
  if (!arguments.ok()) return nullptr;
  auto counters = Engine::instance() ? Engine::instance()->counters(id) : nullptr;
  return counters ? countersToJs(env, *counters, monotonicTime()) : node::undefined(env);
}

/// `sessionExport(id, request, label, context | undefined, length)`
napi_value sessionExport(napi_env env, napi_callback_info info) {
  return ask(env, info, [](Arguments& arguments) -> Question {
    std::string label = arguments.text(2);
    std::optional<node::Bytes> context = optionalBytes(arguments, 3);
    const auto length = static_cast<size_t>(arguments.integer(4));
    return [=](SSL* ssl) { return asBuffer(facts::exportKeys(ssl, label, context, length)); };
  });
}

/// `sessionCertificates(id, request)`
napi_value sessionCertificates(napi_env env, napi_callback_info info) {
  return ask(env, info, [](Arguments&) -> Question {
    return [](SSL* ssl) -> node::Answer::Value {
      return [own = facts::ownCertificates(ssl), peer = facts::peerCertificates(ssl)](napi_env to) {
        napi_value result = node::object(to);
        node::set(to, result, "own", node::buffers(to, own));
        node::set(to, result, "peer", node::buffers(to, peer));
        return result;
      };
    };
  });
}

/// `sessionChannelBinding(id, request, kind)`
napi_value sessionChannelBinding(napi_env env, napi_callback_info info) {
  return ask(env, info, [](Arguments& arguments) -> Question {
    std::string kind = arguments.text(2);
    return [kind](SSL* ssl) {
      if (kind == "tls-exporter") return asBuffer(facts::tlsExporter(ssl));
      return asBuffer(kind == "tls-unique" ? facts::tlsUnique(ssl) : facts::tlsServerEndPoint(ssl));
    };
  });
}

/// `credentialCreate(chain, key) → handle`
napi_value credentialCreate(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Fields fields(env, arguments.value(0));
  uint32_t handle = Handles<Credential>::all().next();
  std::string reason;
  auto credential =
      Credential::create(handle, fields.byteArrays("chain"),
                         static_cast<token::KeyHandle>(fields.integer("key", 0)), &reason);
  if (!credential) return node::throwError(env, "unusable-credential", reason);
  Handles<Credential>::all().put(handle, std::move(credential));
  return node::number(env, handle);
}

/// `credentialStaple(handle, response | undefined)`
napi_value credentialStaple(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  auto credential = Handles<Credential>::all().find(arguments.integer(0));
  node::Bytes response = optionalBytes(arguments, 1).value_or(node::Bytes());
  if (!arguments.ok()) return nullptr;
  if (credential) credential->keepStaple(std::move(response));
  return node::undefined(env);
}

}  // namespace

void registerSessions(napi_env env, napi_value exports) {
  node::addMethods(env, exports,
                   {{"sessionOpen", sessionOpen},
                    {"sessionChooseLocal", sessionChooseLocal},
                    {"sessionRefuse", sessionRefuse},
                    {"sessionAcceptPeer", sessionAcceptPeer},
                    {"sessionAttach", sessionAttach},
                    {"sessionRenew", sessionRenew},
                    {"sessionClose", sessionClose},
                    {"sessionCounters", sessionCounters},
                    {"sessionExport", sessionExport},
                    {"sessionCertificates", sessionCertificates},
                    {"sessionChannelBinding", sessionChannelBinding},
                    {"credentialCreate", credentialCreate},
                    {"credentialRelease", releaseHandle<Credential>},
                    {"credentialStaple", credentialStaple}});
}

}  // namespace tlspool::engine
