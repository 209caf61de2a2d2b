// Brings connections that the program makes to the pool without a turn in JavaScript: a thread waits
// for the real server, asks the pool for TLS over a connection of its own, completes the program's
// socket when the server has proved who it is, and gives the pool the other end. Whom the server
// must prove to be is decided in TypeScript before, and what fails is told there.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "departure/departure.h"
#include "node/report.h"
#include "pool/messages.h"
#include "pool/pool-thread.h"
#include "pool/request-numbers.h"
#include "socket/descriptor.h"

namespace tlspool::departure {

class Departures : public pool::PoolThread {
 public:
  /// The thread keeps it alive until `close`; nullptr with errno if there are no means.
  /// @param number JavaScript's
  static std::shared_ptr<Departures> start(int64_t number);

  // Each of these on any thread; they return when it is done.

  /// False if there is no connection to the pool: nothing is taken over then.
  /// @param number JavaScript's
  bool begin(int64_t number, Order& order);
  /// Nobody wants it any more. Its phase before; nothing if the program has its connection already:
  /// then it goes on.
  std::optional<Departure::Phase> giveUp(int64_t number);
  /// TypeScript has met the program's socket, after "unmet".
  void met(int64_t number, socket::Descriptor end);

 private:
  using Place = std::map<int64_t, Departure>::iterator;

  explicit Departures(int64_t number);

  void understand(const pool::Message& message) override;
  void lost() override;
  void see(pool::Topic topic) override;
  std::optional<Clock::time_point> due() const override;
  void expire() override;
  void clear() override;

  void await(Place place, uint32_t events);
  void awaitNoMore(Place place);
  void connected(Place place, int error);
  void ask(Place place);
  void meet(Place place, const pool::Message& question);
  void listen(Place place);
  void hear(Place place, bool spoke);

  void conclude(Place place, const pool::Message& message);
  void fail(Place place, const char* kind, node::Describe describe = nullptr);
  void forget(Place place);
  void tell(Place place, const char* kind, node::Describe describe = nullptr);
  static node::Describe about(Place place, node::Describe describe);

  std::map<int64_t, Departure> departures_;
  /// Those that wait for the server, or for the program's first word.
  std::set<std::pair<Clock::time_point, int64_t>> deadlines_;
  /// By the number of the request.
  std::map<uint16_t, int64_t> requests_;
  pool::RequestNumbers numbers_;
  /// When what was queued for TypeScript is to be known there; nothing if nothing is.
  std::optional<Clock::time_point> tellBy_;
};

}  // namespace tlspool::departure
