// What the program is told about its connecting sockets, where the kernel would show the gate.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "socket/address.h"

namespace tlspool::gate {

/// What a socket's connection to the real server looks like.
struct Likeness {
  socket::Address local;
  socket::Address remote;
  /// Why it failed (errno), until the program has been told; 0 if it did not.
  int error = 0;
};

/// By SO_COOKIE. Any thread.
class Outgoing {
 public:
  /// The process's only one.
  static Outgoing& instance();

  void remember(uint64_t cookie, const Likeness& likeness);
  std::optional<Likeness> find(uint64_t cookie) const;
  /// For the program's next question about errors.
  void fail(uint64_t cookie, int error);
  /// The errno that it was not told yet, once; 0 if there is none.
  int takeError(uint64_t cookie);
  void forget(uint64_t cookie);
  size_t size() const;

  /// Forgets sockets that are no more: those that were there at the sweep before this one and of
  /// which the kernel has no connection to one of these ports (of gates) any more. False with errno
  /// if the kernel does not tell.
  bool sweep(const std::vector<int>& ports);

 private:
  struct Entry {
    Likeness likeness;
    /// How many sweeps there had been.
    uint64_t since = 0;
  };

  mutable std::mutex mutex_;
  std::unordered_map<uint64_t, Entry> byCookie_;
  uint64_t sweeps_ = 0;
};

/// SO_NETNS_COOKIE of this process's own sockets.
uint64_t ownNetwork();

}  // namespace tlspool::gate
