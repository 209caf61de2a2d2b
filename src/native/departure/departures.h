// Brings connections that the program makes to the pool without a turn in JavaScript: a thread waits
// for the real server, asks the pool for TLS over a connection of its own, completes the program's
// socket when the server has proved who it is, and gives the pool the other end. Whom the server
// must prove to be is decided in TypeScript before, and what fails is told there.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "courier/messages.h"
#include "courier/poller.h"
#include "courier/pool-channel.h"
#include "departure/departure.h"
#include "departure/report.h"
#include "socket/descriptor.h"

namespace tlspool::departure {

class Departures {
 public:
  /// The thread keeps it alive until `close`; nullptr with errno if there are no means.
  /// @param id JavaScript's
  static std::shared_ptr<Departures> start(int64_t id);

  // Each of these on any thread; they return when it is done.

  /// Goes on over a new connection to the pool.
  void open(socket::Descriptor channel);
  /// False if there is no connection to the pool: nothing is taken over then.
  /// @param number JavaScript's
  bool begin(int64_t number, Order& order);
  /// Nobody wants it any more. Its phase before; nothing if the program has its connection already:
  /// then it goes on.
  std::optional<Departure::Phase> giveUp(int64_t number);
  /// TypeScript has met the program's socket, after "unmet".
  void met(int64_t number, socket::Descriptor end);
  /// Closes everything and ends the thread.
  void close();

 private:
  using Place = std::map<int64_t, Departure>::iterator;

  explicit Departures(int64_t id);

  void work();
  int pause() const;
  void see(const epoll_event& event);
  void expire();

  void await(Place place, uint32_t events);
  void awaitNoMore(Place place);
  void connected(Place place, int error);
  void ask(Place place);
  void meet(Place place, const courier::Message& question);
  void listen(Place place);
  void hear(Place place, bool spoke);

  void exchange(uint32_t events);
  void understand(const courier::Message& message);
  void conclude(Place place, const courier::Message& message);
  void fail(Place place, const char* kind, courier::Describe describe = nullptr);
  void refuse(const courier::Message& question, const char* text);
  void forget(Place place);
  void lose(int error);
  void send(const unsigned char* bytes, size_t length, socket::Descriptor fd = {});

  const int64_t id_;
  /// Guards all that follows: TypeScript's calls are short, and so is what the thread does.
  std::mutex mutex_;
  courier::Poller poller_;
  std::optional<courier::PoolChannel> channel_;
  bool watchesWritable_ = false;
  /// errno of the channel's end, noticed while it was in use; 0: none.
  int broken_ = 0;
  std::map<int64_t, Departure> departures_;
  /// Those that wait for the server, or for the program's first word.
  std::set<std::pair<Clock::time_point, int64_t>> deadlines_;
  /// By the number of the request.
  std::map<uint16_t, int64_t> requests_;
  uint16_t lastNumber_ = 0;
  /// When what was queued for TypeScript is to be known there; nothing if nothing is.
  std::optional<Clock::time_point> tellBy_;
  bool closed_ = false;
};

}  // namespace tlspool::departure
