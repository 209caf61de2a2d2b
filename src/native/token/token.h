// One token: the queue of what is wanted of it, the workers that serve it, and whether it is there,
// logged in to and well. Each worker has one thread and one session, so that no operation ever
// meets another's and the token's limit of sessions is a limit of workers.
#pragma once

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "token/module.h"
#include "token/request.h"
#include "token/secret.h"
#include "token/token-attributes.h"

namespace tlspool::token {

/// See TokenState in src/core/engine/types.ts; `unused`: nothing was wanted of it yet.
enum class TokenState { unused, needsPin, ready, wrongPin, locked, absent, failing };
const char* stateName(TokenState state);

/// Where a token is now: sessions and objects found there are of that epoch.
struct Place {
  std::shared_ptr<Module> module;  // null: not there, and why
  CK_RV absence = CKR_TOKEN_NOT_PRESENT;
  uint64_t generation = 0;  // of the module
  CK_SLOT_ID slot = 0;
  bool loginRequired = false;
  /// What the token can do, sorted; empty: it does not tell.
  std::shared_ptr<const std::vector<CK_MECHANISM_TYPE>> mechanisms;

  uint64_t epoch = 0;     // of sessions: raised by recovery
  uint64_t keyEpoch = 0;  // of object handles: raised by recovery and by each log-in

  bool does(CK_MECHANISM_TYPE mechanism) const;
};

class Token : public std::enable_shared_from_this<Token> {
 public:
  using Done = std::function<void(CK_RV)>;

  /// The token of that URI, made known if it is not; it lives as long as the process.
  static std::shared_ptr<Token> open(const std::string& uri, TokenAttributes attributes);
  /// Null if no such token was opened.
  static std::shared_ptr<Token> find(const std::string& uri);
  static std::vector<std::shared_ptr<Token>> all();
  /// Workers that a token may have, when it bears as many sessions.
  static void limitWorkers(unsigned count);
  /// Keys with CKA_ALWAYS_AUTHENTICATE: whether each signature is asked a PIN for, instead of using
  /// the one of the log-in.
  static void askForEachSignature(bool ask);

  const std::string& uri() const { return uri_; }

  /// Any thread; never blocks on the token. While the token waits for its PIN, so does the request;
  /// where nothing can be hoped for (wrong PIN, locked, absent a moment ago) it is finished at
  /// once.
  void submit(const std::shared_ptr<Request>& request);
  /// Takes back a request that nobody waits for any more; one that is being served runs to its end.
  void abandon(const std::shared_ptr<Request>& request);

  /// Logs in with this PIN, once, and lets what waits go on. `repeatable`: the PIN can be had again
  /// without asking a person, so that a revival of the module may cost us the log-in. `patient`: if
  /// the PIN is wrong, what waits goes on waiting, as somebody is asked again; see `giveUp`.
  void login(Secret pin, bool repeatable, bool patient, Done done);
  /// Nobody will log in: what waits for that ends with `rv`. The next request waits anew.
  void giveUp(CK_RV rv);
  /// The sessions whose handshakes wait for a signature of this token, each once.
  std::vector<uint64_t> waiters();
  /// Serves what is queued, then logs out and closes all sessions. New requests are refused
  /// meanwhile.
  void logout(Done done);

  struct Status {
    TokenState state;
    CK_RV error;          // the last one, CKR_OK once the token is well again
    CK_FLAGS tokenFlags;  // CKF_USER_PIN_… as last seen
    bool located;
    std::string label, manufacturer, model, serial;
    unsigned workers;
    size_t queued;
    std::vector<CK_MECHANISM_TYPE> mechanisms;
    /// How long the oldest signature is under way that the token is at work on; 0: none is.
    std::chrono::milliseconds signing;
  };
  Status status();

  /// For the end of the process: what waits is refused, workers finish what they are at and end.
  /// False if one did not within the patience; it is left behind.
  bool stop(std::chrono::milliseconds patience);

  // What follows is for the workers.

  struct Duty {
    enum class Kind { serve, login, logout, retire } kind;
    std::shared_ptr<Request> request;  // serve
  };
  /// Blocks until there is something to do.
  Duty next();

  /// Looks for the token in all modules unless it is known where it is.
  Place place();
  /// The one of now.
  uint64_t keyEpoch();
  /// Sessions and objects of that epoch are no good: all is opened and found anew.
  void renew(uint64_t epoch);
  /// Revives the modules in which the token may be, if that is allowed now: see Module::revive, and
  /// no token of the same module may lose a log-in that only a person can repeat. True if one was
  /// revived.
  bool revive();

  /// Ends a request that was taken by `next`. `gone`: it is not the request's fault or its key's,
  /// so that all others that wait share its fate.
  void served(const std::shared_ptr<Request>& request, CK_RV rv, bool gone);
  /// The token works on a signature from now on, until the returned time is given to `doneSigning`.
  Clock::time_point beginSigning();
  void doneSigning(Clock::time_point begun);
  /// A signature waited so long for the token, not counting what it computed.
  void noteWaiting(Clock::duration waited);
  /// We are not logged in, seen at that key epoch: the request goes back to the head of the queue
  /// until someone logs in.
  void awaitPin(const std::shared_ptr<Request>& request, uint64_t keyEpoch);
  /// The token bears no further session: the request goes back to the head of the queue. True if
  /// the worker shall end, as others go on; the only one tries again after a moment.
  bool outOfSessions(const std::shared_ptr<Request>& request);

  /// The PIN to log in with. Whoever takes it calls `loggedIn` or `passOn`.
  Secret takePin();
  void loggedIn(CK_RV rv, Secret pin);
  /// Or the token bears no session more to log in by: the PIN is another worker's to log in with, and
  /// this one shall end. False if there is no other.
  bool passOn(Secret* pin);
  void loggedOut();
  /// The PIN kept for keys with CKA_ALWAYS_AUTHENTICATE; null if there is none, and then the next
  /// one is kept. It is good for one signature where each is asked for.
  std::shared_ptr<const Secret> keptPin();
  /// A session that stays open until we log out: keys live in it.
  struct Kept {
    std::shared_ptr<Module> module;
    uint64_t generation;
    CK_SESSION_HANDLE session;
  };
  void keep(Kept session);
  std::vector<Kept> takeKept();
  /// The token's flags as the module tells them now.
  void noteFlags(CK_FLAGS flags);
  void workerEnded();

 private:
  Token(std::string uri, TokenAttributes attributes)
      : uri_(std::move(uri)), attributes_(std::move(attributes)) {}

  using Requests = std::list<std::shared_ptr<Request>>;

  /// After a token was found absent or failing, it is left alone for so long.
  static constexpr std::chrono::milliseconds kRetryPause{500};

  unsigned width() const;
  bool servable() const;
  bool pinRefused() const;
  unsigned workerLimit() const;
  void putBack(const std::shared_ptr<Request>& request);
  /// Sees that one comes to the queue if one more can be of use. True: by `work_.notify_one()`, for
  /// the caller to do with the lock released, or the worker would wake up only to wait for that.
  bool callWorker();
  bool startWorker();
  void joinEnded();
  void setState(TokenState state, CK_RV error);
  /// Takes the whole queue, to be finished with the lock released.
  Requests takeQueue();
  Place locate();
  void noteInfo(const CK_TOKEN_INFO& info);

  /// See `askForEachSignature`.
  static inline std::atomic<bool> askEachTime_{false};

  const std::string uri_;
  const TokenAttributes attributes_;

  std::mutex locating_;  // one thread looks for the token; taken before mutex_

  std::mutex mutex_;
  std::condition_variable work_;
  Requests queue_;
  TokenState state_ = TokenState::unused;
  CK_RV error_ = CKR_OK;
  /// While absent or failing: requests before then fail with `error_` at once.
  Clock::time_point retryAt_{};

  Place place_;
  uint64_t epoch_ = 1;
  uint64_t keyEpoch_ = 1;
  bool located_ = false;
  CK_TOKEN_INFO info_{};

  Secret pin_;                // given, not tried yet
  std::vector<Done> logins_;  // whom to tell
  bool repeatable_ = false;
  bool patient_ = false;
  bool loggingIn_ = false;
  bool keepPin_ = false;  // a key here asks for it at each signature
  std::shared_ptr<const Secret> keptPin_;
  std::vector<Kept> kept_;
  std::vector<Done> logouts_;
  bool loggingOut_ = false;  // no new requests
  bool loggingOutNow_ = false;
  bool resting_ = false;  // logged out and nothing wanted since: workers end

  unsigned workers_ = 0;  // alive
  unsigned idle_ = 0;     // of them, waiting in `next`
  unsigned woken_ = 0;    // of those, told to look
  unsigned active_ = 0;   // serving
  unsigned sessionLimit_ = ~0U;
  Clock::duration waiting_{};  // of a signature, on average
  std::multiset<Clock::time_point> signing_;
  std::vector<pthread_t> threads_;
  std::vector<pthread_t> ended_;  // to be joined
  bool stopping_ = false;
};

}  // namespace tlspool::token
