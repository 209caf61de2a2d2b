#include "token/binding.h"

#include <openssl/crypto.h>

#include <cstdlib>

#include "node/values.h"
#include "token/events.h"
#include "token/key-registry.h"
#include "token/key.h"
#include "token/module.h"
#include "token/own-values.h"
#include "token/request.h"
#include "token/secret.h"
#include "token/token.h"

namespace tlspool::token {

namespace {

using node::Arguments;
using node::Fields;

/// How long the end of the process waits for a token that is at work.
constexpr std::chrono::milliseconds kStopPatience{3'000};

std::optional<std::string> optionalText(const Fields& fields, const char* name) {
  return fields.has(name) ? std::optional(fields.text(name)) : std::nullopt;
}

napi_value throwUnknown(napi_env env, const char* what) {
  return node::throwError(env, "ERR_INVALID_ARG_VALUE", what);
}

/// `loadModule({ path, softhsmConf?, revivalInterval? })`: the module is loaded and initialised,
/// once.
napi_value loadModule(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const Fields fields(env, arguments.value(0));
  Module::Options options;
  options.path = fields.text("path");
  options.softhsmConf = fields.text("softhsmConf");
  options.revivalInterval =
      std::chrono::milliseconds(fields.integer("revivalInterval", options.revivalInterval.count()));
  std::string error;
  if (!Module::load(options, &error)) return node::throwError(env, "ERR_MODULE", error);
  // After the module has registered its own destructors, so that it is finalised before they run
  // (SoftHSMv2 #729). Cleanup hooks of the environment do not run at process.exit().
  if (atexit(stop) != 0) return node::throwError(env, "ERR_MODULE", "atexit refuses");
  return node::undefined(env);
}

/// `openToken({ uri, label?, serial?, manufacturer?, model?, libraryManufacturer?,
/// libraryDescription? })`: makes the token known by its URI. No PKCS #11 call.
napi_value openToken(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const Fields fields(env, arguments.value(0));
  TokenAttributes attributes;
  attributes.label = optionalText(fields, "label");
  attributes.serial = optionalText(fields, "serial");
  attributes.manufacturer = optionalText(fields, "manufacturer");
  attributes.model = optionalText(fields, "model");
  attributes.libraryManufacturer = optionalText(fields, "libraryManufacturer");
  attributes.libraryDescription = optionalText(fields, "libraryDescription");
  Token::open(fields.text("uri"), std::move(attributes));
  return node::undefined(env);
}

std::vector<uint32_t> narrow(const std::vector<CK_MECHANISM_TYPE>& mechanisms) {
  return {mechanisms.begin(), mechanisms.end()};
}

/// `tokenStatus(uri)`: see NativeTokenStatus in src/core/token/native-tokens.ts.
napi_value tokenStatus(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const std::string uri = arguments.text(0);
  if (!arguments.ok()) return nullptr;
  const std::shared_ptr<Token> token = Token::find(uri);
  if (!token) return throwUnknown(env, "no such token was opened");
  const Token::Status status = token->status();
  napi_value result = node::object(env);
  node::set(env, result, "state", node::string(env, stateName(status.state)));
  node::set(env, result, "error",
            node::string(env, status.error == CKR_OK ? "" : returnValueName(status.error)));
  node::set(env, result, "flags", node::number(env, static_cast<double>(status.tokenFlags)));
  node::set(env, result, "located", node::boolean(env, status.located));
  node::set(env, result, "label", node::string(env, status.label));
  node::set(env, result, "manufacturer", node::string(env, status.manufacturer));
  node::set(env, result, "model", node::string(env, status.model));
  node::set(env, result, "serial", node::string(env, status.serial));
  node::set(env, result, "workers", node::number(env, status.workers));
  node::set(env, result, "queued", node::number(env, static_cast<double>(status.queued)));
  node::set(env, result, "signing", node::number(env, static_cast<double>(status.signing.count())));
  node::set(env, result, "mechanisms", node::numbers(env, narrow(status.mechanisms)));
  return result;
}

/// `createKey({ token: uri, id?: Buffer, object?: string, publicKey: Buffer })`: a handle. No PKCS
/// #11 call.
napi_value createKey(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const Fields fields(env, arguments.value(0));
  std::shared_ptr<Token> token = Token::find(fields.text("token"));
  if (!token) return throwUnknown(env, "no such token was opened");
  TokenKey::Name name;
  if (fields.has("id")) name.id = fields.bytes("id");
  name.label = optionalText(fields, "object");
  std::string error;
  const KeyHandle handle =
      token::createKey(std::move(token), std::move(name), fields.bytes("publicKey"), &error);
  if (!handle) return node::throwError(env, "ERR_KEY", error);
  return node::number(env, handle);
}

napi_value releaseKey(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  token::releaseKey(static_cast<KeyHandle>(arguments.integer(0)));
  return node::undefined(env);
}

/// `prepareToken(uri, request)`: answers when the token was found and we are logged in.
napi_value prepareToken(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const std::shared_ptr<Token> token = Token::find(arguments.text(0));
  const int64_t number = arguments.integer(1);
  if (!arguments.ok()) return nullptr;
  if (!token) return throwUnknown(env, "no such token was opened");
  auto request = std::make_shared<Request>();
  request->completion = [number](Request& done) { postAnswer(number, done.result); };
  token->submit(request);
  return node::undefined(env);
}

/// `prepareKey(handle, request)`: answers when the key was found, after logging in.
napi_value prepareKey(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  auto request = std::make_shared<Request>();
  request->key = findKey(static_cast<KeyHandle>(arguments.integer(0)));
  const int64_t number = arguments.integer(1);
  if (!arguments.ok()) return nullptr;
  if (!request->key) return throwUnknown(env, "no such key");
  request->completion = [number](Request& done) { postAnswer(number, done.result); };
  request->key->token().submit(request);
  return node::undefined(env);
}

/// Turns the token's output into the TLS form, and lets nothing wrong out.
void conclude(int64_t number, Request& done, uint16_t scheme, const Bytes& message) {
  if (done.result != CKR_OK) return postAnswer(number, done.result);
  const Bytes signature = mechanismOf(scheme) == CKM_ECDSA
                              ? derSignature(done.output.data(), done.output.size())
                              : std::move(done.output);
  if (verifies(done.key->publicKey(), scheme, message.data(), message.size(), signature.data(),
               signature.size())) {
    return postAnswer(number, signature);
  }
  postAnswer(number, kKeyMismatch);
}

/// `sign(handle, scheme, message, request)`: answers a signature in TLS form of that
/// SignatureScheme (RFC 8446, section 4.2.3), which was verified with the public key: KEY_MISMATCH
/// otherwise.
napi_value sign(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const auto handle = static_cast<KeyHandle>(arguments.integer(0));
  const auto scheme = static_cast<uint16_t>(arguments.integer(1));
  const Bytes message = arguments.bytes(2);
  const int64_t number = arguments.integer(3);
  if (!arguments.ok()) return nullptr;
  auto request = std::make_shared<Request>();
  request->key = findKey(handle);
  if (!request->key) return throwUnknown(env, "no such key");
  request->input = schemeInput(request->key->type(), scheme, message.data(), message.size());
  if (!request->input) return throwUnknown(env, "the key does not make signatures of this scheme");
  request->completion = [number, scheme, message](Request& done) {
    conclude(number, done, scheme, message);
  };
  request->key->token().submit(request);
  return node::undefined(env);
}

/// `signatureSchemes(handle)`: numbers of the schemes that the key's type makes, the best first.
napi_value signatureSchemes(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const std::shared_ptr<TokenKey> key = findKey(static_cast<KeyHandle>(arguments.integer(0)));
  if (!key) return throwUnknown(env, "no such key");
  const std::span<const uint16_t> schemes = schemesOf(key->type());
  return node::numbers(env, {schemes.begin(), schemes.end()});
}

/// `login(uri, pin: Buffer, repeatable: boolean, patient: boolean, request)`: answers when we are
/// logged in. The Buffer is wiped.
napi_value login(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const std::string uri = arguments.text(0);
  const auto [data, size] = arguments.view(1);
  const bool repeatable = arguments.flag(2);
  const bool patient = arguments.flag(3);
  const int64_t number = arguments.integer(4);
  if (!arguments.ok()) return nullptr;
  Secret pin(data, size);
  OPENSSL_cleanse(data, size);
  const std::shared_ptr<Token> token = Token::find(uri);
  if (!token) return throwUnknown(env, "no such token was opened");
  token->login(std::move(pin), repeatable, patient, [number](CK_RV rv) { postAnswer(number, rv); });
  return node::undefined(env);
}

/// `makeKey(uri, id: Buffer, request)`: answers the CKA_EC_POINT of a P-256 key pair that was made
/// in the token, under that CKA_ID, for as long as we are logged in.
napi_value makeKey(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const std::shared_ptr<Token> token = Token::find(arguments.text(0));
  Bytes id = arguments.bytes(1);
  const int64_t number = arguments.integer(2);
  if (!arguments.ok()) return nullptr;
  if (!token) return throwUnknown(env, "no such token was opened");
  auto request = std::make_shared<Request>();
  request->makes = std::move(id);
  request->completion = [number](Request& done) {
    if (done.result == CKR_OK) return postAnswer(number, done.output);
    postAnswer(number, done.result);
  };
  token->submit(request);
  return node::undefined(env);
}

/// `askForEachSignature(ask)`: of keys with CKA_ALWAYS_AUTHENTICATE, instead of using the PIN of
/// the log-in.
napi_value askForEachSignature(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Token::askForEachSignature(arguments.flag(0));
  return node::undefined(env);
}

/// `giveUp(uri, why)`: nobody will log in (`declined`, `wrong-pin`, `seat-lost`); what waits for
/// that fails.
napi_value giveUp(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const std::shared_ptr<Token> token = Token::find(arguments.text(0));
  const std::string why = arguments.text(1);
  if (!arguments.ok()) return nullptr;
  if (!token) return throwUnknown(env, "no such token was opened");
  token->giveUp(why == "declined"    ? kPinDeclined
                : why == "wrong-pin" ? CKR_PIN_INCORRECT
                                     : kPinSeatLost);
  return node::undefined(env);
}

/// `tokenWaiters(uri)`: numbers of the sessions whose handshakes wait for the token.
napi_value tokenWaiters(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const std::shared_ptr<Token> token = Token::find(arguments.text(0));
  if (!arguments.ok()) return nullptr;
  if (!token) return throwUnknown(env, "no such token was opened");
  return node::bigNumbers(env, token->waiters());
}

/// `logout(uri, request)`: answers when what was queued is served, we are logged out and all
/// sessions are closed.
napi_value logout(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const std::shared_ptr<Token> token = Token::find(arguments.text(0));
  const int64_t number = arguments.integer(1);
  if (!arguments.ok()) return nullptr;
  if (!token) return throwUnknown(env, "no such token was opened");
  token->logout([number](CK_RV rv) { postAnswer(number, rv); });
  return node::undefined(env);
}

/// `limitSigners(count)`: threads, and so sessions, that each token may have.
napi_value limitSigners(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Token::limitWorkers(static_cast<unsigned>(arguments.integer(0)));
  return node::undefined(env);
}

}  // namespace

void stop() {
  bool all = true;
  for (const auto& token : Token::all()) all &= token->stop(kStopPatience);
  // With a thread still inside a module, C_Finalize would pull the ground from under it.
  if (!all) return;
  for (const auto& module : Module::all()) module->finalize(kStopPatience);
}

void registerBinding(napi_env env, napi_value exports) {
  node::addMethods(env, exports,
                   {{"loadModule", loadModule},
                    {"openToken", openToken},
                    {"tokenStatus", tokenStatus},
                    {"createKey", createKey},
                    {"releaseKey", releaseKey},
                    {"prepareToken", prepareToken},
                    {"prepareKey", prepareKey},
                    {"sign", sign},
                    {"signatureSchemes", signatureSchemes},
                    {"login", login},
                    {"makeKey", makeKey},
                    {"askForEachSignature", askForEachSignature},
                    {"giveUp", giveUp},
                    {"tokenWaiters", tokenWaiters},
                    {"logout", logout},
                    {"limitSigners", limitSigners}});
}

}  // namespace tlspool::token
