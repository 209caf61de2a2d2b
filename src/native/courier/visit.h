// A client of the program, from being accepted to the pool's last word.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include "courier/intake.h"
#include "courier/messages.h"
#include "socket/descriptor.h"
#include "supervisor/likeness.h"

namespace tlspool::courier {

class Visit {
 public:
  /// What the pool is told when it asks for the program's end.
  struct Answer {
    Message message;
    /// The program's end; empty where there is none, and then `code` and `text` say why.
    socket::Descriptor end = {};
    int error = 0;
    const char* code = "";
    const char* text = "";
  };

  /// @param path of the client's connection
  Visit(int64_t listener, const supervisor::Path& path) : listener_(listener), path_(path) {}

  int64_t listener() const { return listener_; }

  /// The handshake and its checks are through. Nothing while the program is being connected to:
  /// then `connecting` is writable when that is done, and `deadline` is when it takes too long.
  std::optional<Answer> ask(const Message& question);
  int connecting() const { return inside_.number(); }
  Clock::time_point deadline() const { return deadline_; }
  /// The connection is there, or failed.
  Answer finish();
  Answer giveUp();

  /// True the first time: why a visit comes to nothing is told once.
  bool tell() { return !std::exchange(told_, true); }

 private:
  Answer refuse(int error, const char* code, const char* text);

  int64_t listener_;
  supervisor::Path path_;
  Message question_{};
  socket::Descriptor inside_;
  Clock::time_point deadline_;
  bool told_ = false;
};

}  // namespace tlspool::courier
