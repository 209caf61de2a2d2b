#include "token/token.h"

#include <algorithm>
#include <csignal>
#include <map>
#include <thread>
#include <utility>

#include "token/events.h"
#include "token/module-descriptors.h"
#include "token/own-values.h"
#include "token/remedy.h"
#include "token/worker.h"

namespace tlspool::token {

namespace {

/// A worker that had nothing to do for so long ends, unless it is the last.
constexpr std::chrono::seconds kIdleLife{30};
/// After a token was found absent or failing, it is left alone for so long.
constexpr std::chrono::milliseconds kRetryPause{500};
/// How soon a session is asked for again when the token had none left for us.
constexpr std::chrono::milliseconds kSessionPause{50};
/// A token whose signatures wait less than that computes in our process: more workers than
/// processors would only get into each other's way. Others wait for a device, and many can wait at
/// once.
constexpr std::chrono::microseconds kComputing{1000};

/// A token that is logged in to and does not know of it: its requests wait so often, then fail.
constexpr unsigned kPinWaits = 3;

std::atomic<unsigned> configuredWorkers{32};

std::atomic<bool> askEachTime{false};

std::mutex tokensMutex;

std::map<std::string, std::shared_ptr<Token>>& tokens() {
  static auto* only = new std::map<std::string, std::shared_ptr<Token>>;
  return *only;
}

std::vector<CK_SLOT_ID> slotsWithTokens(Module::Pass& module) {
  CK_ULONG count = 0;
  if (module->C_GetSlotList(CK_TRUE, nullptr, &count) != CKR_OK) return {};
  std::vector<CK_SLOT_ID> slots(count + 8);  // some may come meanwhile
  count = slots.size();
  if (module->C_GetSlotList(CK_TRUE, slots.data(), &count) != CKR_OK) return {};
  slots.resize(count);
  return slots;
}

/// Sorted; empty if the token does not tell.
std::vector<CK_MECHANISM_TYPE> mechanismsOf(Module::Pass& module, CK_SLOT_ID slot) {
  CK_ULONG count = 0;
  if (module->C_GetMechanismList(slot, nullptr, &count) != CKR_OK) return {};
  std::vector<CK_MECHANISM_TYPE> mechanisms(count);
  if (module->C_GetMechanismList(slot, mechanisms.data(), &count) != CKR_OK) return {};
  mechanisms.resize(count);
  std::sort(mechanisms.begin(), mechanisms.end());
  return mechanisms;
}

/// Asking reads a file in /sys, which is too much for every signature.
unsigned processors() {
  static const unsigned count = std::max(2U, std::thread::hardware_concurrency());
  return count;
}

}  // namespace

const char* stateName(TokenState state) {
  switch (state) {
    case TokenState::unused:
      return "unused";
    case TokenState::needsPin:
      return "needs-pin";
    case TokenState::ready:
      return "ready";
    case TokenState::wrongPin:
      return "wrong-pin";
    case TokenState::locked:
      return "locked";
    case TokenState::absent:
      return "absent";
    case TokenState::failing:
      return "failing";
  }
  __builtin_unreachable();
}

bool Place::does(CK_MECHANISM_TYPE mechanism) const {
  return !mechanisms || mechanisms->empty() ||
         std::binary_search(mechanisms->begin(), mechanisms->end(), mechanism);
}

std::shared_ptr<Token> Token::open(const std::string& uri, TokenAttributes attributes) {
  std::lock_guard lock(tokensMutex);
  std::shared_ptr<Token>& token = tokens()[uri];
  if (!token) token.reset(new Token(uri, std::move(attributes)));
  return token;
}

std::shared_ptr<Token> Token::find(const std::string& uri) {
  std::lock_guard lock(tokensMutex);
  const auto found = tokens().find(uri);
  return found == tokens().end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<Token>> Token::all() {
  std::lock_guard lock(tokensMutex);
  std::vector<std::shared_ptr<Token>> result;
  for (const auto& [uri, token] : tokens()) result.push_back(token);
  return result;
}

void Token::askForEachSignature(bool ask) { askEachTime = ask; }

void Token::limitWorkers(unsigned count) { configuredWorkers = std::max(1U, count); }

void Token::submit(const std::shared_ptr<Request>& request) {
  CK_RV refusal = CKR_OK;
  {
    std::lock_guard lock(mutex_);
    const bool unwell = state_ == TokenState::absent || state_ == TokenState::failing;
    if (stopping_ || loggingOut_) {
      refusal = CKR_FUNCTION_CANCELED;
    } else if (pinRefused() || (unwell && Clock::now() < retryAt_)) {
      refusal = error_;
    } else {
      resting_ = false;
      request->position = queue_.insert(queue_.end(), request);
      request->queued = true;
      wakeWorker();
      if (workers_ == 0) {  // not even one thread
        queue_.erase(request->position);
        request->queued = false;
        refusal = CKR_HOST_MEMORY;
      }
    }
  }
  if (refusal != CKR_OK) request->finish(refusal);
}

void Token::abandon(const std::shared_ptr<Request>& request) {
  std::lock_guard lock(mutex_);
  request->abandoned = true;
  if (!request->queued) return;
  queue_.erase(request->position);
  request->queued = false;
}

void Token::login(Secret pin, bool repeatable, bool patient, Done done) {
  if (!pin) return done(CKR_HOST_MEMORY);
  {
    std::lock_guard lock(mutex_);
    if (!stopping_ && !loggingOut_) {
      pin_ = std::move(pin);
      repeatable_ = repeatable;
      patient_ = patient;
      logins_.push_back(std::move(done));
      resting_ = false;
      if (workers_ > 0 || startWorker()) {
        work_.notify_all();
        return;
      }
      done = std::move(logins_.back());
      logins_.pop_back();
      pin_.wipe();
    }
  }
  done(CKR_FUNCTION_CANCELED);
}

void Token::giveUp(CK_RV rv) {
  Requests refused;
  {
    std::lock_guard lock(mutex_);
    if (state_ != TokenState::needsPin || pin_ || loggingIn_) return;
    state_ = TokenState::unused;
    error_ = rv;
    refused = takeQueue();
    work_.notify_all();
  }
  for (const auto& each : refused) each->finish(rv);
}

std::vector<uint64_t> Token::waiters() {
  std::vector<uint64_t> owners;
  std::lock_guard lock(mutex_);
  for (const auto& request : queue_) {
    const uint64_t owner = request->waker ? request->waker->owner() : 0;
    if (owner) owners.push_back(owner);
  }
  std::sort(owners.begin(), owners.end());
  owners.erase(std::unique(owners.begin(), owners.end()), owners.end());
  return owners;
}

void Token::logout(Done done) {
  {
    std::lock_guard lock(mutex_);
    if (workers_ > 0 && !stopping_ && !resting_) {
      loggingOut_ = true;
      logouts_.push_back(std::move(done));
      work_.notify_all();
      return;
    }
  }
  done(CKR_OK);
}

Token::Status Token::status() {
  std::lock_guard lock(mutex_);
  return {state_,
          error_,
          info_.flags,
          located_,
          unpadded(info_.label),
          unpadded(info_.manufacturerID),
          unpadded(info_.model),
          unpadded(info_.serialNumber),
          workers_,
          queue_.size(),
          place_.mechanisms ? *place_.mechanisms : std::vector<CK_MECHANISM_TYPE>(),
          signing_.empty() ? std::chrono::milliseconds(0)
                           : std::chrono::duration_cast<std::chrono::milliseconds>(
                                 Clock::now() - *signing_.begin())};
}

bool Token::stop(std::chrono::milliseconds patience) {
  Requests refused;
  std::vector<Done> told;
  bool ended;
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    pin_.wipe();
    keptPin_.reset();
    refused = takeQueue();
    told.swap(logins_);
    told.insert(told.end(), logouts_.begin(), logouts_.end());
    logouts_.clear();
    work_.notify_all();
    ended = work_.wait_for(lock, patience, [this] { return threads_.empty(); });
    joinEnded();
  }
  for (const auto& request : refused) request->finish(CKR_FUNCTION_CANCELED);
  for (const Done& done : told) done(CKR_FUNCTION_CANCELED);
  return ended;
}

Token::Duty Token::next() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (stopping_ || (resting_ && queue_.empty() && !pin_)) {
      workers_--;
      return {Duty::Kind::retire, nullptr};
    }
    if (pin_ && !loggingIn_ && !loggingOutNow_) {
      loggingIn_ = true;
      return {Duty::Kind::login, nullptr};
    }
    if (servable() && !queue_.empty() && active_ < width()) {
      std::shared_ptr<Request> request = std::move(queue_.front());
      queue_.pop_front();
      request->queued = false;
      active_++;
      if (!queue_.empty()) wakeWorker();
      return {Duty::Kind::serve, std::move(request)};
    }
    if (loggingOut_ && !loggingOutNow_ && !loggingIn_ && active_ == 0 &&
        (queue_.empty() || !servable())) {
      loggingOutNow_ = true;
      return {Duty::Kind::logout, nullptr};
    }
    idle_++;
    const bool tooLong = work_.wait_for(lock, kIdleLife) == std::cv_status::timeout;
    idle_--;
    if (woken_ > 0) woken_--;
    if (tooLong && workers_ > 1 && queue_.empty() && !pin_ && !loggingOut_) {
      workers_--;
      return {Duty::Kind::retire, nullptr};
    }
  }
}

Place Token::place() {
  const auto known = [this]() -> Place {
    std::lock_guard lock(mutex_);
    Place result = place_;
    result.epoch = epoch_;
    result.keyEpoch = keyEpoch_;
    return result;
  };
  Place now = known();
  if (now.module) return now;

  std::lock_guard lookout(locating_);
  now = known();
  if (now.module) return now;
  Place found = locate();
  std::lock_guard lock(mutex_);
  if (epoch_ == now.epoch && found.module) place_ = found;
  found.epoch = now.epoch;
  found.keyEpoch = keyEpoch_;
  return found;
}

Place Token::locate() {
  Place place;
  for (const auto& module : Module::all()) {
    Module::Pass pass(*module);
    ModuleDescriptors descriptors;
    for (const CK_SLOT_ID slot : slotsWithTokens(pass)) {
      CK_TOKEN_INFO info{};
      if (pass->C_GetTokenInfo(slot, &info) != CKR_OK) continue;
      if (!(info.flags & CKF_TOKEN_INITIALIZED)) continue;
      if (!attributes_.match(info, module->info())) continue;
      if (place.module) {
        place = {};
        place.absence = kTokenAmbiguous;
        return place;
      }
      place.module = module;
      place.generation = pass.generation();
      place.slot = slot;
      place.loginRequired = info.flags & CKF_LOGIN_REQUIRED;
      place.mechanisms =
          std::make_shared<const std::vector<CK_MECHANISM_TYPE>>(mechanismsOf(pass, slot));
      noteInfo(info);
    }
  }
  return place;
}

void Token::noteInfo(const CK_TOKEN_INFO& info) {
  std::lock_guard lock(mutex_);
  info_ = info;
  located_ = true;
  // Sessions of other programs are not in it: they show as CKR_SESSION_COUNT in time.
  const bool bounded = info.ulMaxSessionCount != CK_EFFECTIVELY_INFINITE &&
                       info.ulMaxSessionCount != CK_UNAVAILABLE_INFORMATION;
  sessionLimit_ =
      bounded ? static_cast<unsigned>(std::min<CK_ULONG>(info.ulMaxSessionCount, ~0U)) : ~0U;
}

uint64_t Token::keyEpoch() {
  std::lock_guard lock(mutex_);
  return keyEpoch_;
}

void Token::renew(uint64_t epoch) {
  std::lock_guard lock(mutex_);
  if (epoch_ != epoch) return;
  epoch_++;
  keyEpoch_++;
  place_ = {};
}

bool Token::revive() {
  std::vector<std::shared_ptr<Module>> candidates;
  uint64_t epoch;
  {
    std::lock_guard lock(mutex_);
    if (place_.module) candidates.push_back(place_.module);
    epoch = epoch_;
  }
  if (candidates.empty()) candidates = Module::all();

  bool revived = false;
  for (const auto& module : candidates) {
    if (!module->revivable()) continue;
    const uint64_t generation = module->generation();
    bool needed = false;  // as it is, by a token whose log-in only a person can repeat
    for (const auto& other : all()) {
      if (other.get() == this) continue;
      std::lock_guard lock(other->mutex_);
      needed |= other->place_.module == module && other->state_ == TokenState::ready &&
                !other->repeatable_;
    }
    revived |= !needed && module->revive(generation);
  }
  if (revived) renew(epoch);
  return revived;
}

void Token::served(const std::shared_ptr<Request>& request, CK_RV rv, bool gone) {
  Requests sharers;
  {
    std::lock_guard lock(mutex_);
    active_--;
    if (rv == CKR_OK) {
      if (state_ != TokenState::ready) setState(TokenState::ready, CKR_OK);
      error_ = CKR_OK;
      if (!keepPin_) keptPin_.reset();
    } else if (meansWrongPin(rv) && askEachTime && !repeatable_) {
      // It was given for this signature only: the next one is asked for anew.
      keptPin_.reset();
      error_ = rv;
    } else if (meansWrongPin(rv) || rv == CKR_PIN_LOCKED) {
      keptPin_.reset();
      setState(rv == CKR_PIN_LOCKED ? TokenState::locked : TokenState::wrongPin, rv);
      sharers = takeQueue();
    } else if (gone) {
      setState(meansAbsent(rv) ? TokenState::absent : TokenState::failing, rv);
      retryAt_ = Clock::now() + kRetryPause;
      sharers = takeQueue();
    } else if (rv != CKR_FUNCTION_CANCELED) {
      error_ = rv;
    }
  }
  request->finish(rv);
  for (const auto& each : sharers) each->finish(rv);
}

Clock::time_point Token::beginSigning() {
  std::lock_guard lock(mutex_);
  return *signing_.insert(Clock::now());
}

void Token::doneSigning(Clock::time_point begun) {
  std::lock_guard lock(mutex_);
  const auto found = signing_.find(begun);
  if (found != signing_.end()) signing_.erase(found);
}

void Token::noteWaiting(Clock::duration waited) {
  std::lock_guard lock(mutex_);
  waiting_ += (waited - waiting_) / 8;
}

void Token::awaitPin(const std::shared_ptr<Request>& request, uint64_t keyEpoch) {
  CK_RV refusal = CKR_FUNCTION_CANCELED;
  {
    std::lock_guard lock(mutex_);
    active_--;
    if (pinRefused()) {
      refusal = error_;
    } else if (!(askEachTime && keepPin_) && ++request->pinWaits > kPinWaits) {
      refusal = CKR_USER_NOT_LOGGED_IN;
    } else if (!request->abandoned && !stopping_) {
      putBack(request);
      // Otherwise someone logged in meanwhile, or is about to.
      if (keyEpoch_ == keyEpoch && !pin_ && !loggingIn_) {
        setState(TokenState::needsPin, CKR_USER_NOT_LOGGED_IN);
      }
      return;
    }
  }
  request->finish(refusal);
}

bool Token::outOfSessions(const std::shared_ptr<Request>& request) {
  {
    std::unique_lock lock(mutex_);
    active_--;
    if (!request->abandoned && !stopping_) {
      putBack(request);
      if (workers_ > 1) {
        sessionLimit_ = workers_ - 1;
        workers_--;
        return true;
      }
      work_.wait_for(lock, kSessionPause);
      return false;
    }
  }
  request->finish(CKR_FUNCTION_CANCELED);
  return false;
}

Secret Token::takePin() {
  std::lock_guard lock(mutex_);
  // Before the log-in: whoever finds us logged in must not trust handles of before.
  keyEpoch_++;
  return std::move(pin_);
}

void Token::loggedIn(CK_RV rv, Secret pin) {
  Requests sharers;
  std::vector<Done> told;
  bool wait = false;
  {
    std::lock_guard lock(mutex_);
    loggingIn_ = false;
    if (!pin_) told.swap(logins_);  // or another PIN came: its outcome is everyone's
    if (rv == CKR_OK) {
      if (keepPin_ || !queue_.empty()) keptPin_ = std::make_shared<const Secret>(std::move(pin));
      setState(TokenState::ready, CKR_OK);
    } else if (!pin_) {
      if (meansWrongPin(rv) && patient_) {
        setState(TokenState::needsPin, rv);
        wait = true;
      } else if (meansWrongPin(rv)) {
        setState(TokenState::wrongPin, rv);
      } else if (rv == CKR_PIN_LOCKED) {
        setState(TokenState::locked, rv);
      } else {
        setState(meansAbsent(rv) ? TokenState::absent : TokenState::failing, rv);
        retryAt_ = Clock::now() + kRetryPause;
      }
      if (!wait) sharers = takeQueue();
    }
    work_.notify_all();
  }
  for (const Done& done : told) done(rv);
  for (const auto& each : sharers) each->finish(rv);
}

void Token::loggedOut() {
  std::vector<Done> told;
  Requests refused;
  {
    std::lock_guard lock(mutex_);
    loggingOut_ = loggingOutNow_ = false;
    keptPin_.reset();
    epoch_++;
    keyEpoch_++;
    place_ = {};
    resting_ = true;
    state_ = TokenState::unused;
    refused = takeQueue();
    told.swap(logouts_);
    work_.notify_all();
  }
  for (const auto& each : refused) each->finish(CKR_FUNCTION_CANCELED);
  for (const Done& done : told) done(CKR_OK);
}

std::shared_ptr<const Secret> Token::keptPin() {
  std::lock_guard lock(mutex_);
  keepPin_ = true;
  return askEachTime ? std::move(keptPin_) : keptPin_;
}

void Token::keep(Kept session) {
  std::lock_guard lock(mutex_);
  kept_.push_back(std::move(session));
}

std::vector<Token::Kept> Token::takeKept() {
  std::lock_guard lock(mutex_);
  return std::exchange(kept_, {});
}

void Token::noteFlags(CK_FLAGS flags) {
  std::lock_guard lock(mutex_);
  info_.flags = flags;
}

void Token::workerEnded() {
  std::lock_guard lock(mutex_);
  const auto own = std::find(threads_.begin(), threads_.end(), pthread_self());
  ended_.push_back(*own);
  threads_.erase(own);
  work_.notify_all();
}

unsigned Token::width() const {
  return waiting_ < kComputing ? std::min(processors(), workerLimit()) : workerLimit();
}

unsigned Token::workerLimit() const {
  return std::max(1U, std::min(configuredWorkers.load(), sessionLimit_));
}

bool Token::pinRefused() const {
  return state_ == TokenState::wrongPin || state_ == TokenState::locked;
}

bool Token::servable() const { return state_ != TokenState::needsPin && !loggingIn_; }

void Token::putBack(const std::shared_ptr<Request>& request) {
  request->position = queue_.insert(queue_.begin(), request);
  request->queued = true;
}

void Token::wakeWorker() {
  if (!servable() && workers_ > 0) return;
  // Those that are on their way to the queue by themselves, or were told to be.
  const unsigned coming = workers_ - idle_ - active_ + woken_;
  if (coming >= queue_.size() || active_ + coming >= width()) return;
  if (idle_ > woken_) {
    woken_++;
    work_.notify_one();
  } else if (workers_ < workerLimit()) {
    startWorker();
  }
}

bool Token::startWorker() {
  joinEnded();
  // Signals are for the main thread.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  auto* token = new std::shared_ptr<Token>(shared_from_this());
  const int error = pthread_create(&thread, nullptr, runWorker, token);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error) {
    delete token;
    return false;
  }
  threads_.push_back(thread);
  workers_++;
  return true;
}

void Token::joinEnded() {
  for (const pthread_t thread : ended_) pthread_join(thread, nullptr);
  ended_.clear();
}

void Token::setState(TokenState state, CK_RV error) {
  const bool changed = state_ != state || error_ != error;
  state_ = state;
  error_ = error;
  if (changed) postTokenEvent(uri_, stateName(state), error);
}

Token::Requests Token::takeQueue() {
  for (const auto& request : queue_) request->queued = false;
  return std::exchange(queue_, {});
}

}  // namespace tlspool::token
