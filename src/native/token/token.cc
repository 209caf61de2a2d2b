#include "token/token.h"

#include <algorithm>
#include <map>
#include <utility>

#include "token/events.h"
#include "token/remedy.h"

namespace tlspool::token {

namespace {

std::mutex tokensMutex;

std::map<std::string, std::shared_ptr<Token>>& tokens() {
  static auto* only = new std::map<std::string, std::shared_ptr<Token>>;
  return *only;
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

void Token::submit(const std::shared_ptr<Request>& request) {
  CK_RV refusal = CKR_OK;
  bool wakes = false;
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
      wakes = callWorker();
      if (workers_ == 0) {  // not even one thread
        queue_.erase(request->position);
        request->queued = false;
        refusal = CKR_HOST_MEMORY;
      }
    }
  }
  if (wakes) work_.notify_one();
  if (refusal != CKR_OK) request->finish(refusal);
}

void Token::abandon(const std::shared_ptr<Request>& request) {
  std::lock_guard lock(mutex_);
  request->abandoned = true;
  if (!request->queued) return;
  queue_.erase(request->position);
  request->queued = false;
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

void Token::served(const std::shared_ptr<Request>& request, CK_RV rv, bool gone) {
  Requests sharers;
  {
    std::lock_guard lock(mutex_);
    active_--;
    if (rv == CKR_OK) {
      if (state_ != TokenState::ready) setState(TokenState::ready, CKR_OK);
      error_ = CKR_OK;
      if (!keepPin_) keptPin_.reset();
    } else if (meansWrongPin(rv) && askEachTime_ && !repeatable_) {
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

void Token::keep(Kept session) {
  std::lock_guard lock(mutex_);
  kept_.push_back(std::move(session));
}

std::vector<Token::Kept> Token::takeKept() {
  std::lock_guard lock(mutex_);
  return std::exchange(kept_, {});
}

bool Token::servable() const { return state_ != TokenState::needsPin && !loggingIn_; }

void Token::putBack(const std::shared_ptr<Request>& request) {
  request->position = queue_.insert(queue_.begin(), request);
  request->queued = true;
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
