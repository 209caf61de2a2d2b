// A thread that speaks to the pool over a connection of its own, and watches other descriptors
// beside it. What for is said by who derives from it; what comes of it is told in TypeScript.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>

#include "node/report.h"
#include "pool/messages.h"
#include "pool/pool-channel.h"
#include "pool/poller.h"
#include "socket/descriptor.h"

namespace tlspool::pool {

using Clock = std::chrono::steady_clock;

class PoolThread {
 public:
  PoolThread(const PoolThread&) = delete;
  PoolThread& operator=(const PoolThread&) = delete;
  virtual ~PoolThread() = default;

  // Each of these on any thread; they return when it is done.

  /// Goes on over a new connection to the pool.
  /// @param channel known to the pool (PING)
  void open(socket::Descriptor channel);
  /// Closes everything and ends the thread.
  void close();

 protected:
  /// @param type a literal, of what it reports
  /// @param number JavaScript's
  PoolThread(const char* type, int64_t number);

  /// The thread keeps it alive until `close`. False with errno if there are no means.
  /// @param name at most 15 bytes, a literal
  static bool run(const std::shared_ptr<PoolThread>& thread, const char* name);

  // With the mutex held, on its own thread unless said otherwise:

  /// There is a connection to the pool now. Any thread.
  virtual void opened() {}
  /// The pool says or asks something.
  virtual void understand(const Message& message) = 0;
  /// The connection to the pool is gone, and with it what was on its way.
  virtual void lost() = 0;
  /// A descriptor is ready. What it is about may be gone, by what came before it.
  virtual void see(Topic topic) = 0;
  /// When `expire` is to be called at the latest; nothing if nothing is waited for.
  virtual std::optional<Clock::time_point> due() const = 0;
  virtual void expire() = 0;
  /// Closes what it has. Any thread.
  virtual void clear() = 0;

  /// False while what is sent would get nowhere.
  bool reachesPool() const { return channel_ && broken_ == 0; }
  /// Goes nowhere without a connection: whoever waits for an answer is told that it is lost.
  void send(const unsigned char* bytes, size_t length, socket::Descriptor fd = {});
  void send(const Message& message, socket::Descriptor fd = {});
  /// A question of the pool's, which nobody here goes on with.
  void refuse(const Message& question, std::string_view text);

  /// Tells TypeScript. Any thread.
  void report(const char* kind, node::Describe describe) const;
  /// The same, together with what is told next, or with `node::deliverEvents`.
  void reportLater(const char* kind, node::Describe describe) const;

  /// Guards all of it: TypeScript's calls are short, and so is what the thread does.
  std::mutex mutex_;
  /// Kinds of topics are the deriving class's from 0 on.
  Poller poller_;

 private:
  void work(const char* name);
  int pause() const;
  void dispatch(const epoll_event& event);
  void exchange(uint32_t events);
  void watchChannel();
  void lose();

  const char* const type_;
  const int64_t number_;
  std::optional<PoolChannel> channel_;
  bool watchesWritable_ = false;
  /// errno of the channel's end, noticed while it was in use; 0: none.
  int broken_ = 0;
  bool closed_ = false;
};

/// For a report.
node::Describe withErrno(int error);
/// @param message of the pool's
node::Describe withMessage(const Message& message);

}  // namespace tlspool::pool
