// The threads that serve a token: how many there are, what each does next, and their end.
#include <algorithm>
#include <csignal>
#include <thread>

#include "token/token.h"
#include "token/worker.h"

namespace tlspool::token {

namespace {

/// A worker that had nothing to do for so long ends, unless it is the last.
constexpr std::chrono::seconds kIdleLife{30};
/// How soon a session is asked for again when the token had none left for us.
constexpr std::chrono::milliseconds kSessionPause{50};
/// A token whose signatures wait less than that computes in our process: more workers than
/// processors would only get into each other's way. Others wait for a device, and many can wait at
/// once.
constexpr std::chrono::microseconds kComputing{1000};

std::atomic<unsigned> configuredWorkers{32};

/// Asking reads a file in /sys, which is too much for every signature.
unsigned processors() {
  static const unsigned count = std::max(2U, std::thread::hardware_concurrency());
  return count;
}

}  // namespace

void Token::limitWorkers(unsigned count) { configuredWorkers = std::max(1U, count); }

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
      const bool wakes = !queue_.empty() && callWorker();
      lock.unlock();
      if (wakes) work_.notify_one();
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

bool Token::callWorker() {
  if (!servable() && workers_ > 0) return false;
  // Those that are on their way to the queue by themselves, or were told to be.
  const unsigned coming = workers_ - idle_ - active_ + woken_;
  if (coming >= queue_.size() || active_ + coming >= width()) return false;
  if (idle_ > woken_) {
    woken_++;
    return true;
  }
  if (workers_ < workerLimit()) startWorker();
  return false;
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

}  // namespace tlspool::token
