// A worker of a token: one thread, one session, all calls that need a session.
#pragma once

#include <memory>

#include "token/token-key.h"
#include "token/token.h"

namespace tlspool::token {

/// The start routine of a worker's thread; takes over a `std::shared_ptr<Token>*`.
void* runWorker(void* token);

class Worker {
 public:
  explicit Worker(std::shared_ptr<Token> token) : token_(std::move(token)) {}
  void run();

 private:
  /// How far a request came, for whom to blame.
  enum class Step { reaching, finding, signing };

  /// False if the worker shall end.
  bool serve(const std::shared_ptr<Request>& request);
  /// Likewise.
  bool logIn();
  void logOut();

  CK_RV perform(const Place& place, Request& request, Step* step);
  /// A session of the place's epoch, which may not be logged in.
  CK_RV openSession(Module::Pass& module, const Place& place);
  /// CKR_USER_NOT_LOGGED_IN if log-in is needed.
  CK_RV requireLogin(Module::Pass& module, const Place& place);
  CK_RV sign(Module::Pass& module, const Place& place, Request& request,
             const TokenKey::Object& object);
  CK_RV authenticate(Module::Pass& module);
  /// Makes a P-256 key pair that lives in a session of its own; the output is its point.
  CK_RV makeKey(Module::Pass& module, const Place& place, Request& request);
  /// The next step against a fault; false if there is none.
  bool recover(CK_RV rv, uint64_t epoch, int attempt);
  /// The token came back through another module. Before a Pass of that one is taken: nobody holds
  /// two, or two revivals could wait for each other.
  void leaveOtherModule(const Place& place);
  void closeSession(Module::Pass& module);
  /// Without a Pass.
  void closeSession();

  const std::shared_ptr<Token> token_;

  struct Session {
    std::shared_ptr<Module> module;  // null: none
    uint64_t generation = 0;
    uint64_t epoch = 0;
    CK_SESSION_HANDLE handle = CK_INVALID_HANDLE;
    bool loggedIn = false;
  };
  Session session_;
};

}  // namespace tlspool::token
