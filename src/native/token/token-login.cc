// Logging in to a token and out of it, and what waits for that.
#include <utility>

#include "token/remedy.h"
#include "token/token.h"

namespace tlspool::token {

namespace {

/// A token that is logged in to and does not know of it: its requests wait so often, then fail.
constexpr unsigned kPinWaits = 3;

}  // namespace

void Token::askForEachSignature(bool ask) { askEachTime_ = ask; }

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

void Token::awaitPin(const std::shared_ptr<Request>& request, uint64_t keyEpoch) {
  CK_RV refusal = CKR_FUNCTION_CANCELED;
  {
    std::lock_guard lock(mutex_);
    active_--;
    if (pinRefused()) {
      refusal = error_;
    } else if (!(askEachTime_ && keepPin_) && ++request->pinWaits > kPinWaits) {
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

bool Token::passOn(Secret* pin) {
  std::lock_guard lock(mutex_);
  if (workers_ == 1 || stopping_) return false;
  loggingIn_ = false;
  if (!pin_) pin_ = std::move(*pin);  // or another one came
  sessionLimit_ = --workers_;
  work_.notify_all();
  return true;
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
  return askEachTime_ ? std::move(keptPin_) : keptPin_;
}

bool Token::pinRefused() const {
  return state_ == TokenState::wrongPin || state_ == TokenState::locked;
}

void Token::noteFlags(CK_FLAGS flags) {
  std::lock_guard lock(mutex_);
  info_.flags = flags;
}

}  // namespace tlspool::token
