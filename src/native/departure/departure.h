// A connection that the program makes, from its connect(2) to the pool's last word: its socket waits
// at a gate, and another one connects to the real server in its place.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "gate/gate.h"
#include "gate/wait.h"
#include "node/values.h"
#include "pool/messages.h"
#include "socket/descriptor.h"
#include "supervisor/supervisor.h"

namespace tlspool::departure {

using Clock = std::chrono::steady_clock;

/// What TypeScript decided, and where the program's socket waits.
struct Order {
  /// Connecting to the real server, or connected.
  socket::Descriptor upstream = {};
  bool connected = false;
  /// What the pool is asked, the STARTTLS itself last.
  node::Bytes request = {};
  /// Lives as long as the process.
  const gate::Gate* gate = nullptr;
  gate::WaitingSocket waiting = {};
  /// The call of the program that waits for the outcome; 0 if none does.
  std::shared_ptr<supervisor::Supervisor> supervisor = {};
  int64_t question = 0;
  /// To wait for the program's first word, which may show that it speaks TLS itself; 0: not at all.
  std::chrono::milliseconds patience{0};
};

class Departure {
 public:
  enum class Phase {
    /// To the real server.
    connecting,
    /// The pool was asked.
    asked,
    /// TypeScript meets the program's socket.
    meeting,
    /// The program has its connection, and is to say something.
    listening,
    /// The pool has the program's end.
    given,
    /// Nobody wants it any more; the pool was told, or is when it asks.
    unwanted,
  };

  explicit Departure(Order order);

  Phase phase() const { return phase_; }
  /// What is watched: the socket to the server while it connects, else the program's end.
  int watched() const;
  /// While it is connecting or listening.
  Clock::time_point deadline() const { return deadline_; }

  /// 0 when the socket to the server is connected, else the errno of why not.
  int connected() const;
  /// To be put under a number and sent, with the socket to the server.
  node::Bytes& request() { return order_.request; }
  socket::Descriptor ask(uint16_t number);
  /// That number; 0 before.
  uint16_t number() const { return number_; }

  /// The pool asks for the program's end: makes it, and tells the program where both have met. Then
  /// the phase is `listening`; otherwise it is `meeting`, and `end` is what is to be seen to. False
  /// with errno if there is no such end.
  bool meet(const pool::Message& question);
  socket::Descriptor& end() { return end_; }
  /// The program has its connection, whose other end this is.
  void met(socket::Descriptor end);
  bool hasMet() const { return met_; }

  /// Whether the program's first word is waited for.
  bool awaitsWord() const { return order_.patience.count() > 0; }
  /// Whether what the program has said begins TLS (RFC 8446 sections 5.1 and 4).
  bool speaksTls() const;
  /// The program's end goes to the pool.
  /// @param spoke whether the program has said something
  socket::Descriptor give(bool spoke);
  bool spoke() const { return spoke_; }
  /// The pool's question for the program's end.
  const pool::Message& question() const { return question_; }

  void giveUp();

 private:
  void listen();

  Order order_;
  Phase phase_ = Phase::connecting;
  Clock::time_point deadline_;
  uint16_t number_ = 0;
  pool::Message question_{};
  socket::Descriptor end_;
  bool met_ = false;
  bool spoke_ = false;
};

}  // namespace tlspool::departure
