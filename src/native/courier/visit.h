// A client, from being accepted to the pool's last word.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "courier/intake.h"
#include "courier/way.h"
#include "pool/messages.h"
#include "socket/descriptor.h"

namespace tlspool::courier {

class Visit {
 public:
  /// What the pool is told when it asks for the plaintext's other end.
  struct Answer {
    pool::Message message;
    /// Empty where there is none, and then `failure` says why.
    socket::Descriptor end = {};
    Way::Failure failure = {};
  };

  Visit(int64_t listener, std::unique_ptr<Way> way) : listener_(listener), way_(std::move(way)) {}

  int64_t listener() const { return listener_; }

  /// The handshake and its checks are through. Nothing while the connection is on its way: then
  /// `connecting` is writable when that is done.
  std::optional<Answer> ask(const pool::Message& question);
  /// -1: there is nothing to watch until `due`.
  int connecting() const { return end_.number(); }
  /// The connection is there, or failed.
  Answer finish();
  /// It cannot be waited for (errno).
  Answer fail(int error) { return refuse(way_->failure(error)); }

  /// When `resume` is to be called, if nothing comes before.
  Clock::time_point due() const { return due_; }
  /// Tries again, or no longer.
  std::optional<Answer> resume();

  /// True the first time: why a visit comes to nothing is told once.
  bool tell() { return !std::exchange(told_, true); }

 private:
  std::optional<Answer> connect();
  Answer refuse(Way::Failure failure);

  int64_t listener_;
  std::unique_ptr<Way> way_;
  pool::Message question_{};
  socket::Descriptor end_;
  Clock::time_point deadline_;
  Clock::time_point due_;
  std::chrono::milliseconds pause_{1};
  bool told_ = false;
};

}  // namespace tlspool::courier
