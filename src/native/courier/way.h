// How what a client says, once it is plaintext, gets to where it is served.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "socket/address.h"
#include "socket/opening.h"

namespace tlspool::courier {

/// Of one client.
class Way {
 public:
  /// Why there is none.
  struct Failure {
    /// For the pool, and for the caller's `wire`.
    int error;
    /// Of the TlspoolError.
    const char* code;
    std::string text;
  };

  virtual ~Way() = default;

  /// The pool wants the other end now. Empty with errno; EAGAIN: try again a little later.
  virtual socket::Connection connect() = 0;
  /// @param error errno of a connection that failed, at once or later
  virtual Failure failure(int error) const = 0;
  /// It takes longer than `patience`.
  virtual Failure late() const = 0;
  virtual std::chrono::milliseconds patience() const = 0;
};

/// The way of a client that was accepted, and is about to be given away.
using Ways = std::function<std::unique_ptr<Way>(int accepted)>;

/// To a wrapped program's own listener in the private network, as the client.
Ways waysInside();

/// Always to this address.
/// @param name as errors call it
Ways waysTo(const socket::Address& address, std::string name);

}  // namespace tlspool::courier
