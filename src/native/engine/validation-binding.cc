#include "engine/validation-binding.h"

#include "engine/anchors.h"
#include "engine/engine.h"
#include "engine/handles.h"
#include "engine/ocsp.h"
#include "engine/values.h"
#include "node/owed-answer.h"
#include "node/values.h"

namespace tlspool::engine {

namespace {

using node::Arguments;
using node::Fields;
/// Runs on the pool's thread, and answers.
using Work = std::function<void(node::OwedAnswer&)>;

/// A function of JavaScript that takes a while: `(request, …)`, answered by an event. `read` makes
/// the work of the arguments, or none if it has thrown.
template <typename Read>
napi_value work(napi_env env, napi_callback_info info, Read read) {
  Arguments arguments(env, info);
  const auto request = static_cast<double>(arguments.integer(0));
  if (!arguments.ok()) return nullptr;
  Work work = read(arguments);
  if (!arguments.ok() || !work) return nullptr;
  if (!Engine::instance()) return notRunning(env);
  auto owed = std::make_shared<node::OwedAnswer>(request);
  Engine::instance()->pool().add([owed, work = std::move(work)] { work(*owed); });
  return node::undefined(env);
}

/// `anchorsCreate({ certificates }) → handle`
napi_value anchorsCreate(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  auto anchors = Anchors::create(Fields(env, arguments.value(0)).byteArrays("certificates"));
  if (!anchors) {
    return node::throwError(env, "unusable-certificate", "an anchor is not a certificate");
  }
  uint32_t handle = Handles<Anchors>::all().next();
  Handles<Anchors>::all().put(handle, std::move(anchors));
  return node::number(env, handle);
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
  return work(env, info, [](Arguments& arguments) -> Work {
    Fields fields(arguments.env(), arguments.value(1));
    auto anchors = Handles<Anchors>::all().find(fields.integer("anchors", 0));
    if (!anchors) {
      node::throwError(arguments.env(), "ERR_INVALID_ARG_VALUE", "no anchors of that handle");
      return nullptr;
    }
    PathQuestion question;
    question.chain = fields.byteArrays("chain");
    if (fields.has("role")) question.remote = toRole(fields.text("role"));
    if (fields.has("at")) question.at = fields.integer("at", 0);
    question.partial = fields.flag("partial", false);
    question.checkRevocation = fields.has("crls");
    for (int64_t handle : fields.integers("crls")) {
      if (auto crl = Handles<Crl>::all().find(handle)) question.crls.push_back(std::move(crl));
    }
    question.extensions = fields.texts("extensions");
    return [anchors, question = std::move(question)](node::OwedAnswer& owed) {
      owed.give(
          [verdict = anchors->verify(question)](napi_env to) { return verdictToJs(to, verdict); });
    };
  });
}

/// `crlCreate(request, der)`: answers `{ handle, issuer, thisUpdate, nextUpdate }`.
napi_value crlCreate(napi_env env, napi_callback_info info) {
  return work(env, info, [](Arguments& arguments) -> Work {
    return [der = arguments.bytes(1)](node::OwedAnswer& owed) {
      std::shared_ptr<const Crl> crl = Crl::create(der);
      if (!crl) return owed.refuse("unusable-crl", "this is not a revocation list in DER");
      owed.give([crl](napi_env to) {
        uint32_t handle = Handles<Crl>::all().next();
        Handles<Crl>::all().put(handle, crl);
        napi_value result = node::object(to);
        node::set(to, result, "handle", node::number(to, handle));
        node::set(to, result, "issuer", node::buffer(to, crl->issuer()));
        auto time = [&](const char* name, int64_t at) {
          node::set(to, result, name, node::number(to, static_cast<double>(at)));
        };
        time("thisUpdate", crl->thisUpdate());
        time("nextUpdate", crl->nextUpdate());
        return result;
      });
    };
  });
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

napi_value verdictToJs(napi_env env, const ocsp::Verdict& verdict) {
  napi_value result = node::object(env);
  node::set(env, result, "status", node::string(env, spelling(verdict.status)));
  node::set(env, result, "reason", node::string(env, verdict.reason));
  auto time = [&](const char* name, int64_t at) {
    node::set(env, result, name, node::number(env, static_cast<double>(at)));
  };
  time("thisUpdate", verdict.thisUpdate);
  time("nextUpdate", verdict.nextUpdate);
  time("revokedAt", verdict.revokedAt);
  return result;
}

/// `ocspVerify(request, OcspQuestion)`
napi_value ocspVerify(napi_env env, napi_callback_info info) {
  return work(env, info, [](Arguments& arguments) -> Work {
    Fields fields(arguments.env(), arguments.value(1));
    ocsp::Question question;
    question.response = fields.bytes("response");
    question.certificate = fields.bytes("certificate");
    question.issuer = fields.bytes("issuer");
    question.nonce = fields.bytes("nonce");
    question.nonceRequired = fields.flag("nonceRequired", false);
    question.longest = fields.integer("longest", 0);
    return [question = std::move(question)](node::OwedAnswer& owed) {
      owed.give(
          [verdict = ocsp::verify(question)](napi_env to) { return verdictToJs(to, verdict); });
    };
  });
}

}  // namespace

void registerValidation(napi_env env, napi_value exports) {
  node::addMethods(env, exports,
                   {{"anchorsCreate", anchorsCreate},
                    {"anchorsRelease", releaseHandle<Anchors>},
                    {"pathVerify", pathVerify},
                    {"crlCreate", crlCreate},
                    {"crlRelease", releaseHandle<Crl>},
                    {"ocspRequest", ocspRequest},
                    {"ocspVerify", ocspVerify}});
}

}  // namespace tlspool::engine
