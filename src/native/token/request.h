// One thing that is wanted of a token: a signature, or only that all is made ready for one. Shared
// between whoever waits and the worker that serves it, on the heap: either may be gone first.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <memory>

#include "async/park.h"
#include "token/mechanism.h"

namespace tlspool::token {

class TokenKey;

struct Request {
  /// Null: log in only.
  std::shared_ptr<TokenKey> key;
  /// Without one the key is found and nothing signed.
  std::optional<SigningInput> input;
  /// Without a key: one is made in the token for as long as we are logged in, with this CKA_ID.
  std::optional<Bytes> makes;

  /// Written by the worker before `done`, read by others after it.
  Bytes output;  // as the token gives it
  CK_RV result = CKR_OK;
  std::atomic<bool> done{false};
  /// Nobody waits for it any more.
  std::atomic<bool> abandoned{false};

  /// Woken after `done`: a parked handshake.
  std::shared_ptr<async::Waker> waker;
  /// Called after `done`, on whatever thread finished it.
  std::function<void(Request&)> completion;

  /// Where it is in its token's queue; guarded by the token's mutex.
  std::list<std::shared_ptr<Request>>::iterator position;
  bool queued = false;
  /// How often it waited for a log-in; guarded likewise.
  unsigned pinWaits = 0;

  void finish(CK_RV rv) {
    result = rv;
    done.store(true, std::memory_order_release);
    if (waker) waker->wake();
    if (completion) completion(*this);
  }
};

}  // namespace tlspool::token
