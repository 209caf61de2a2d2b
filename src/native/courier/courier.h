// Brings connections that clients make to the pool, and from there to where they are served (a
// wrapped program's own listener, or a tunnel's target), without a turn in JavaScript: a thread
// accepts them, asks the pool for TLS on them over a connection of its own, and gives it the other
// end when it asks for that. What to ask for is decided in TypeScript, and what fails is told
// there.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>

#include "courier/intake.h"
#include "courier/messages.h"
#include "courier/poller.h"
#include "courier/pool-channel.h"
#include "courier/visit.h"
#include "node/values.h"
#include "socket/descriptor.h"

namespace tlspool::courier {

class Courier {
 public:
  /// The thread keeps it alive until `close`; nullptr with errno if there are no means.
  /// @param id JavaScript's
  static std::shared_ptr<Courier> start(int64_t id);

  // Each of these on any thread; they return when it is done.

  /// Goes on over a new connection to the pool; until there is one, clients wait in the kernel.
  void open(socket::Descriptor channel);
  void serve(int64_t id, Intake::Order order);
  /// Closes the listeners of `serve`; "idle" is told when none of its clients is on its way any
  /// more.
  void stop(int64_t id);
  /// Asks the pool something whose answer is one message, which "answered" tells, or "cut".
  /// @param question JavaScript's number of it
  /// @param request one message
  void ask(int64_t question, node::Bytes request);
  /// Closes everything and ends the thread.
  void close();

 private:
  explicit Courier(int64_t id);

  void work();
  int pause() const;
  void see(const epoll_event& event);
  void expire();

  void attend(Intake& intake);
  void accept(int64_t id, Intake& intake);
  bool number(node::Bytes& request);
  void retire(int64_t id);

  void exchange(uint32_t events);
  void understand(const Message& message);
  void proceed(uint16_t number, Visit& visit, std::optional<Visit::Answer> said);
  void connected(uint16_t number);
  void answer(Visit& visit, Visit::Answer answer);
  void conclude(uint16_t number, const Message& message);
  void forget(uint16_t number);
  void lose(int error);
  void send(const unsigned char* bytes, size_t length, socket::Descriptor fd = {});

  const int64_t id_;
  /// Guards all that follows: TypeScript's calls are short, and so is what the thread does.
  std::mutex mutex_;
  Poller poller_;
  std::optional<PoolChannel> channel_;
  bool watchesWritable_ = false;
  /// errno of the channel's end, noticed while it was in use; 0: none.
  int broken_ = 0;
  std::map<int64_t, Intake> intakes_;
  std::map<uint16_t, Visit> visits_;
  /// Those whose other end was asked for and is not there yet.
  std::set<uint16_t> connecting_;
  /// Questions of TypeScript's.
  std::map<uint16_t, int64_t> asked_;
  uint16_t lastNumber_ = 0;
  bool closed_ = false;
};

}  // namespace tlspool::courier
