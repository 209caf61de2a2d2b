// One epoll thread and the sessions that live on it. All of a session's work happens on its thread;
// others reach it by posting tasks.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <unordered_map>
#include <vector>

#include "async/thread.h"
#include "engine/counters.h"
#include "engine/limits.h"
#include "engine/session-options.h"
#include "engine/staging.h"
#include "socket/descriptor.h"

namespace tlspool::engine {

class Worker;

/// Which of its two descriptors an event is about.
enum class Side : uint8_t { kNet, kPlain };

/// Something that lives on a worker and is told by it what happens. Found by its id, which is never
/// used again: a late event finds nobody.
class Resident {
 public:
  explicit Resident(SessionId id) : id_(id) {}
  virtual ~Resident() = default;

  SessionId id() const { return id_; }
  uint64_t key(Side side) const { return id_ << 1 | static_cast<uint64_t>(side); }

  /// Events (EPOLLIN, …) on one of its descriptors.
  virtual void ready(Side side, uint32_t events) = 0;
  /// The time that it scheduled has come.
  virtual void due() = 0;
  /// Its parked work can go on (see async/park.h), or its turn came again.
  virtual void resume() = 0;
  /// The engine stops: end at once.
  virtual void abandon() = 0;

 private:
  friend Worker;

  const SessionId id_;
  /// ms; 0: nothing is scheduled.
  uint64_t due_ = 0;
  /// It is in the line of those whose turn comes again.
  bool inLine_ = false;
};

class Worker {
 public:
  using Task = std::function<void()>;

  Worker(int number, const Limits& limits);

  /// False with errno if there are no means for its thread or its descriptors.
  bool start();
  /// Any thread. Runs the task on the worker's thread; after `stop` it is dropped.
  void post(Task task);
  /// Any thread. Calls `resume` of the resident, if it is still there.
  void wake(SessionId id);
  /// Ends all residents properly, then the thread; waits for it.
  void stop();
  /// Ends the thread and leaves everything else as it is: the process is about to exit.
  void halt();

  // On the worker's own thread:
  int epoll() const { return epoll_.number(); }
  Staging& staging() { return staging_; }
  const Limits& limits() const { return limits_; }
  /// ms, as of this round of the loop.
  uint64_t now() const { return now_; }
  /// Calls `due` once, at that time (ms), instead of any time before; 0: not at all.
  void schedule(Resident& resident, uint64_t at);
  /// Events that were queued (node/event.h) are delivered within some milliseconds.
  void deliverSoon();
  /// Calls `resume` once, after the others had their turn.
  void again(Resident& resident);
  Resident* find(SessionId id) const;
  void add(std::unique_ptr<Resident> resident);
  /// Deletes it at the end of this round.
  void remove(SessionId id);

  // Any thread:
  size_t residents() const { return count_.load(std::memory_order_relaxed); }
  /// Residents that will be told of a time.
  size_t scheduled() const { return scheduled_.load(std::memory_order_relaxed); }

 private:
  void run();
  void round();
  int timeout() const;
  void takeMail();
  void callDue();
  void deliverQueued();
  void tidy(bool busy);
  bool isUntidy() const;
  template <typename Put>
  void notify(Put put);
  void ring();
  void end(bool abandoning);

  const int number_;
  const Limits limits_;
  socket::Descriptor epoll_;
  socket::Descriptor bell_;
  async::Thread thread_;
  Staging staging_;
  uint64_t now_ = 0;

  std::unordered_map<SessionId, std::unique_ptr<Resident>> residents_;
  std::vector<std::unique_ptr<Resident>> leaving_;
  std::atomic<size_t> count_{0};
  /// When, and for whom: one at most for each resident.
  std::set<std::pair<uint64_t, SessionId>> times_;
  std::atomic<size_t> scheduled_{0};
  std::vector<SessionId> turns_;
  /// When queued events are to be delivered at the latest; 0: there are none.
  uint64_t deliverAt_ = 0;
  /// Residents that came or went since memory was given back.
  size_t changes_ = 0;
  /// Time of the last round in which there was something to do.
  uint64_t lastBusy_ = 0;

  std::mutex mutex_;
  std::vector<Task> tasks_;
  std::vector<SessionId> woken_;
  bool rung_ = false;
  enum class Life : uint8_t { kRunning, kStopping, kHalting, kOver } life_ = Life::kRunning;
};

}  // namespace tlspool::engine
