#include "token/worker.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <iterator>

#include "token/key.h"
#include "token/module-descriptors.h"
#include "token/own-values.h"
#include "token/remedy.h"

namespace tlspool::token {

namespace {

/// First as things are, then with new sessions, then with a revived module.
constexpr int kAttempts = 3;

/// DER of an uncompressed point of P-256, and some room.
constexpr size_t kLongestPoint = 128;

/// How long this thread waited for something other than a processor since this was made.
class Waiting {
 public:
  Waiting() { getrusage(RUSAGE_THREAD, &usage_); }

  Clock::duration soFar() const {
    rusage now;
    getrusage(RUSAGE_THREAD, &now);
    // Pushed aside by other threads, but never giving way of its own: it only computed.
    if (now.ru_nvcsw == usage_.ru_nvcsw) return {};
    return std::max(Clock::duration{},
                    Clock::now() - start_ - (processorTime(now) - processorTime(usage_)));
  }

 private:
  static Clock::duration processorTime(const rusage& usage) {
    return std::chrono::seconds(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           std::chrono::microseconds(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
  }

  const Clock::time_point start_ = Clock::now();
  rusage usage_;
};

}  // namespace

void* runWorker(void* token) {
  pthread_setname_np(pthread_self(), "tlspool-token");
  std::unique_ptr<std::shared_ptr<Token>> own(static_cast<std::shared_ptr<Token>*>(token));
  Worker(*own).run();
  OPENSSL_thread_stop_ex(libraryContext());
  OPENSSL_thread_stop();
  (*own)->workerEnded();
  return nullptr;
}

void Worker::run() {
  for (bool more = true; more;) {
    const Token::Duty duty = token_->next();
    switch (duty.kind) {
      case Token::Duty::Kind::serve:
        more = serve(duty.request);
        break;
      case Token::Duty::Kind::login:
        more = logIn();
        break;
      case Token::Duty::Kind::logout:
        logOut();
        break;
      case Token::Duty::Kind::retire:
        more = false;
        break;
    }
  }
  closeSession();
}

bool Worker::serve(const std::shared_ptr<Request>& request) {
  for (int attempt = 0;; attempt++) {
    const Place place = token_->place();
    Step step = Step::reaching;
    const CK_RV rv = place.module ? perform(place, *request, &step) : place.absence;
    if (rv == CKR_OK) {
      token_->served(request, CKR_OK, false);
      return true;
    }
    if (remedyFor(rv) == Remedy::wait) return !token_->outOfSessions(request);
    if (remedyFor(rv) == Remedy::logIn) {
      const bool stale = session_.loggedIn && attempt == 0;  // so we thought: ask the token
      session_.loggedIn = false;
      if (stale) continue;
      token_->awaitPin(request, place.keyEpoch);
      return true;
    }
    // A key that was never there is nobody's fault but its name's.
    const bool missing = rv == kKeyNotFound;
    if ((!missing || request->key->wasFound()) && recover(rv, place.epoch, attempt)) continue;
    if (missing) request->key->forget();
    token_->served(request, rv, step == Step::reaching || meansAbsent(rv));
    return true;
  }
}

bool Worker::recover(CK_RV rv, uint64_t epoch, int attempt) {
  const Remedy remedy = remedyFor(rv);
  if (remedy != Remedy::reopen && remedy != Remedy::reopenOrRevive) return false;
  if (attempt + 1 >= kAttempts) return false;
  if (attempt == 0 && rv != CKR_CRYPTOKI_NOT_INITIALIZED) {
    token_->renew(epoch);
    return true;
  }
  return remedy == Remedy::reopenOrRevive && token_->revive();
}

bool Worker::logIn() {
  Secret pin = token_->takePin();
  CK_RV rv;
  for (int attempt = 0;; attempt++) {
    const Place place = token_->place();
    rv = place.absence;
    if (place.module) {
      leaveOtherModule(place);
      Module::Pass module(*place.module);
      ModuleDescriptors descriptors;
      rv = module.generation() == place.generation ? openSession(module, place)
                                                   : CKR_SESSION_HANDLE_INVALID;
      if (rv == CKR_OK) {
        rv = module->C_Login(session_.handle, CKU_USER, const_cast<CK_BYTE*>(pin.data()),
                             pin.size());
        if (rv == CKR_USER_ALREADY_LOGGED_IN) rv = CKR_OK;
        CK_TOKEN_INFO info{};
        if (module->C_GetTokenInfo(place.slot, &info) == CKR_OK) token_->noteFlags(info.flags);
      }
    }
    if (rv == CKR_OK || !recover(rv, place.epoch, attempt)) break;
  }
  // Those that have a session wait for the log-in, and hold it.
  if (rv == CKR_SESSION_COUNT && token_->passOn(&pin)) return false;
  session_.loggedIn = rv == CKR_OK;
  token_->loggedIn(rv, std::move(pin));
  return true;
}

void Worker::logOut() {
  if (session_.module) {
    Module::Pass module(*session_.module);
    if (module.generation() == session_.generation) module->C_Logout(session_.handle);
  }
  for (const Token::Kept& kept : token_->takeKept()) {
    Module::Pass module(*kept.module);
    if (module.generation() == kept.generation) module->C_CloseSession(kept.session);
  }
  closeSession();
  token_->loggedOut();
}

CK_RV Worker::perform(const Place& place, Request& request, Step* step) {
  leaveOtherModule(place);
  Module::Pass module(*place.module);
  if (module.generation() != place.generation) return CKR_SESSION_HANDLE_INVALID;
  CK_RV rv = openSession(module, place);
  const bool known = session_.loggedIn;
  if (rv == CKR_OK) rv = requireLogin(module, place);
  if (rv == CKR_OK && request.makes) return makeKey(module, place, request);
  if (rv != CKR_OK || !request.key) return rv;

  *step = Step::finding;
  TokenKey::Object object;
  rv = request.key->find(module, session_.handle, known ? place.keyEpoch : token_->keyEpoch(),
                         &object);
  if (rv != CKR_OK || !request.input) return rv;

  *step = Step::signing;
  return sign(module, place, request, object);
}

CK_RV Worker::openSession(Module::Pass& module, const Place& place) {
  if (session_.module && session_.epoch == place.epoch) return CKR_OK;
  // The new one before the old one goes: with its last session an application is logged out.
  CK_SESSION_HANDLE fresh = CK_INVALID_HANDLE;
  CK_RV rv = module->C_OpenSession(place.slot, CKF_SERIAL_SESSION, nullptr, nullptr, &fresh);
  if (session_.module) {
    closeSession(module);
    if (rv == CKR_SESSION_COUNT) {
      rv = module->C_OpenSession(place.slot, CKF_SERIAL_SESSION, nullptr, nullptr, &fresh);
    }
  }
  if (rv != CKR_OK) return rv;
  session_ = {place.module, place.generation, place.epoch, fresh, false};
  return CKR_OK;
}

CK_RV Worker::requireLogin(Module::Pass& module, const Place& place) {
  if (session_.loggedIn || !place.loginRequired) return CKR_OK;
  CK_SESSION_INFO info{};
  const CK_RV rv = module->C_GetSessionInfo(session_.handle, &info);
  if (rv != CKR_OK) return rv;
  session_.loggedIn = info.state == CKS_RO_USER_FUNCTIONS || info.state == CKS_RW_USER_FUNCTIONS;
  return session_.loggedIn ? CKR_OK : CKR_USER_NOT_LOGGED_IN;
}

CK_RV Worker::sign(Module::Pass& module, const Place& place, Request& request,
                   const TokenKey::Object& object) {
  const TokenKey& key = *request.key;
  std::optional<SigningInput> raw;
  SigningInput* input = &*request.input;
  const auto can = [&](CK_MECHANISM_TYPE mechanism) {
    return place.does(mechanism) &&
           (object.allowed.empty() || std::find(object.allowed.begin(), object.allowed.end(),
                                                mechanism) != object.allowed.end());
  };
  if (!can(input->mechanism)) {
    if (input->mechanism == CKM_RSA_PKCS_PSS && can(CKM_RSA_X_509)) {
      raw = rawPssInput(*input, key.bits());
    }
    if (!raw) return CKR_MECHANISM_INVALID;
    input = &*raw;
  }
  CK_MECHANISM mechanism{input->mechanism, nullptr, 0};
  if (input->mechanism == CKM_RSA_PKCS_PSS) {
    mechanism.pParameter = &input->pss;
    mechanism.ulParameterLen = sizeof input->pss;
  }

  const Waiting waiting;
  CK_RV rv = module->C_SignInit(session_.handle, &mechanism, object.handle);
  if (rv == CKR_OK && object.alwaysAuthenticate) rv = authenticate(module);
  CK_ULONG size = key.signatureSize();
  if (rv == CKR_OK) {
    // Raw ECDSA is shorter than its DER, so that this is room enough for all.
    request.output.resize(size);
    const Clock::time_point begun = token_->beginSigning();
    rv = module->C_Sign(session_.handle, input->data.data(), input->data.size(),
                        request.output.data(), &size);
    token_->doneSigning(begun);
  }
  if (rv != CKR_OK) {
    session_.epoch = 0;  // an operation may be left in it: the next one gets a new session
    return rv;
  }
  request.output.resize(size);
  token_->noteWaiting(waiting.soFar());
  return CKR_OK;
}

CK_RV Worker::makeKey(Module::Pass& module, const Place& place, Request& request) {
  // Objects go with the session that made them: workers' sessions come and go.
  CK_SESSION_HANDLE keeper = CK_INVALID_HANDLE;
  CK_RV rv = module->C_OpenSession(place.slot, CKF_SERIAL_SESSION, nullptr, nullptr, &keeper);
  if (rv != CKR_OK) return rv;

  CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
  // prime256v1, RFC 5480 section 2.1.1.1.
  CK_BYTE curve[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
  Bytes& id = *request.makes;
  CK_ATTRIBUTE publicHalf[] = {{CKA_EC_PARAMS, curve, sizeof curve},
                               {CKA_TOKEN, &no, sizeof no},
                               {CKA_VERIFY, &yes, sizeof yes},
                               {CKA_ID, id.data(), id.size()}};
  CK_ATTRIBUTE privateHalf[] = {
      {CKA_TOKEN, &no, sizeof no},       {CKA_PRIVATE, &yes, sizeof yes},
      {CKA_SENSITIVE, &yes, sizeof yes}, {CKA_EXTRACTABLE, &no, sizeof no},
      {CKA_SIGN, &yes, sizeof yes},      {CKA_ID, id.data(), id.size()}};
  CK_MECHANISM mechanism{CKM_EC_KEY_PAIR_GEN, nullptr, 0};
  CK_OBJECT_HANDLE made = CK_INVALID_HANDLE, secret = CK_INVALID_HANDLE;
  rv = module->C_GenerateKeyPair(keeper, &mechanism, publicHalf, std::size(publicHalf), privateHalf,
                                 std::size(privateHalf), &made, &secret);
  request.output.resize(kLongestPoint);
  CK_ATTRIBUTE point{CKA_EC_POINT, request.output.data(), request.output.size()};
  if (rv == CKR_OK) rv = module->C_GetAttributeValue(keeper, made, &point, 1);
  if (rv == CKR_OK && point.ulValueLen > kLongestPoint) rv = CKR_ATTRIBUTE_VALUE_INVALID;
  if (rv != CKR_OK) {
    module->C_CloseSession(keeper);
    return rv;
  }
  request.output.resize(point.ulValueLen);
  token_->keep({place.module, place.generation, keeper});
  return CKR_OK;
}

CK_RV Worker::authenticate(Module::Pass& module) {
  const std::shared_ptr<const Secret> pin = token_->keptPin();
  if (!pin) return CKR_USER_NOT_LOGGED_IN;
  return module->C_Login(session_.handle, CKU_CONTEXT_SPECIFIC, const_cast<CK_BYTE*>(pin->data()),
                         pin->size());
}

void Worker::leaveOtherModule(const Place& place) {
  if (session_.module != place.module) closeSession();
}

void Worker::closeSession(Module::Pass& module) {
  if (!session_.module) return;
  if (module.generation() == session_.generation) module->C_CloseSession(session_.handle);
  session_ = {};
}

void Worker::closeSession() {
  if (!session_.module) return;
  const std::shared_ptr<Module> owner = session_.module;
  Module::Pass module(*owner);
  closeSession(module);
}

}  // namespace tlspool::token
