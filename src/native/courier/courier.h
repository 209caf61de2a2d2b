// Brings connections that clients make to the pool, and from there to where they are served (a
// wrapped program's own listener, or a tunnel's target), without a turn in JavaScript: a thread
// accepts them, asks the pool for TLS on them over a connection of its own, and gives it the other
// end when it asks for that. What to ask for is decided in TypeScript, and what fails is told
// there.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "courier/intake.h"
#include "courier/visit.h"
#include "node/values.h"
#include "pool/messages.h"
#include "pool/pool-thread.h"
#include "pool/request-numbers.h"

namespace tlspool::courier {

/// Until there is a connection to the pool, clients wait in the kernel.
class Courier : public pool::PoolThread {
 public:
  /// The thread keeps it alive until `close`; nullptr with errno if there are no means.
  /// @param number JavaScript's
  static std::shared_ptr<Courier> start(int64_t number);

  // Each of these on any thread; they return when it is done.

  void serve(int64_t id, Intake::Order order);
  /// Closes the listeners of `serve`; "idle" is told when none of its clients is on its way any
  /// more.
  void stop(int64_t id);
  /// Asks the pool something whose answer is one message, which "answered" tells, or "cut".
  /// @param question JavaScript's number of it
  /// @param request one message
  void ask(int64_t question, node::Bytes request);

 private:
  explicit Courier(int64_t number);

  void opened() override;
  void understand(const pool::Message& message) override;
  void lost() override;
  void see(pool::Topic topic) override;
  std::optional<Clock::time_point> due() const override;
  void expire() override;
  void clear() override;

  void attend(Intake& intake);
  void accept(int64_t id, Intake& intake);
  void retire(int64_t id);

  void proceed(uint16_t number, Visit& visit, std::optional<Visit::Answer> said);
  void connected(uint16_t number);
  void answer(Visit& visit, Visit::Answer answer);
  void conclude(uint16_t number, const pool::Message& message);
  void forget(uint16_t number);

  std::map<int64_t, Intake> intakes_;
  std::map<uint16_t, Visit> visits_;
  /// Those whose other end was asked for and is not there yet.
  std::set<uint16_t> connecting_;
  /// Questions of TypeScript's.
  std::map<uint16_t, int64_t> asked_;
  pool::RequestNumbers numbers_;
};

}  // namespace tlspool::courier
