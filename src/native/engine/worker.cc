#include "engine/worker.h"

#include <malloc.h>
#include <openssl/async.h>
#include <openssl/crypto.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <climits>
#include <utility>

#include "node/event.h"
#include "token/key.h"

namespace tlspool::engine {

namespace {

constexpr int kEventsPerRound = 256;
constexpr uint64_t kBell = UINT64_MAX;

/// A handshake takes some 10 KiB more than the connection that comes of it. The allocator keeps
/// that for the next one, which is right as long as one comes: after so many residents came or
/// went, and nothing happened for so long (ms), it is given back to the system.
constexpr size_t kWorthTidying = 64;
constexpr uint64_t kQuiet = 500;
/// ms that queued events wait at most. Where much happens others come sooner and take them along.
constexpr uint64_t kDelivery = 5;

}  // namespace

Worker::Worker(int number, const Limits& limits) : number_(number), limits_(limits) {}

bool Worker::start() {
  epoll_.reset(epoll_create1(EPOLL_CLOEXEC));
  if (epoll_) bell_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!bell_) return false;
  epoll_event entry{};
  entry.events = EPOLLIN | EPOLLET;
  entry.data.u64 = kBell;
  if (epoll_ctl(epoll(), EPOLL_CTL_ADD, bell_.number(), &entry) != 0) return false;
  return thread_.start(("tlspool-" + std::to_string(number_)).c_str(), [this] { run(); });
}

void Worker::post(Task task) {
  notify([&] { tasks_.push_back(std::move(task)); });
}

void Worker::wake(SessionId id) {
  notify([&] { woken_.push_back(id); });
}

/// Puts something in the letter box, unless nobody empties it any more. The bell is rung once per
/// round, however many letters come in, and when the box is free again: whoever is woken by it
/// opens the box at once.
template <typename Put>
void Worker::notify(Put put) {
  {
    std::lock_guard lock(mutex_);
    if (life_ != Life::kRunning) return;
    put();
    if (std::exchange(rung_, true)) return;
  }
  ring();
}

/// The bell is edge-triggered and never read: each write is an edge.
void Worker::ring() {
  uint64_t one = 1;
  while (write(bell_.number(), &one, sizeof one) < 0 && errno == EINTR) {
  }
}

void Worker::stop() { end(false); }
void Worker::halt() { end(true); }

void Worker::end(bool abandoning) {
  {
    std::lock_guard lock(mutex_);
    if (life_ == Life::kOver) return;
    life_ = abandoning ? Life::kHalting : Life::kStopping;
  }
  ring();
  thread_.join();
  std::lock_guard lock(mutex_);
  life_ = Life::kOver;
}

Resident* Worker::find(SessionId id) const {
  auto found = residents_.find(id);
  return found == residents_.end() ? nullptr : found->second.get();
}

void Worker::add(std::unique_ptr<Resident> resident) {
  SessionId id = resident->id();
  residents_.emplace(id, std::move(resident));
  changes_++;
  count_.store(residents_.size(), std::memory_order_relaxed);
}

void Worker::remove(SessionId id) {
  auto found = residents_.find(id);
  if (found == residents_.end()) return;
  schedule(*found->second, 0);
  leaving_.push_back(std::move(found->second));
  residents_.erase(found);
  changes_++;
  count_.store(residents_.size(), std::memory_order_relaxed);
}

void Worker::schedule(Resident& resident, uint64_t at) {
  if (resident.due_) times_.erase({resident.due_, resident.id()});
  resident.due_ = at;
  if (at) times_.emplace(at, resident.id());
  scheduled_.store(times_.size(), std::memory_order_relaxed);
}

/// Whoever stood in line twice would have two turns to the one of others, and then ever more: of the
/// events of a round each session asks for another turn.
void Worker::again(Resident& resident) {
  if (std::exchange(resident.inLine_, true)) return;
  turns_.push_back(resident.id());
}

void Worker::run() {
  Staging::setCurrent(&staging_);
  ASYNC_init_thread(kParkedPerThread, 0);
  for (;;) {
    round();
    std::lock_guard lock(mutex_);
    if (life_ != Life::kRunning) break;
  }
  bool stopping;
  {
    std::lock_guard lock(mutex_);
    stopping = life_ == Life::kStopping;
  }
  if (stopping) {
    // What was posted before: a session that nobody adopts would never be told to have ended.
    takeMail();
    std::vector<SessionId> ids;
    for (auto& [id, resident] : residents_) ids.push_back(id);
    for (SessionId id : ids) {
      if (Resident* resident = find(id)) resident->abandon();
      remove(id);
    }
    leaving_.clear();
    node::deliverEvents();
    ASYNC_cleanup_thread();
  }
  Staging::setCurrent(nullptr);
  OPENSSL_thread_stop_ex(token::libraryContext());
}

void Worker::round() {
  epoll_event events[kEventsPerRound];
  int count = epoll_wait(epoll(), events, kEventsPerRound, timeout());
  now_ = monotonicTime();
  for (int i = 0; i < count; i++) {
    uint64_t key = events[i].data.u64;
    if (key == kBell) continue;
    if (Resident* resident = find(key >> 1)) {
      resident->ready(static_cast<Side>(key & 1), events[i].events);
    }
  }
  takeMail();
  callDue();
  deliverQueued();
  std::vector<SessionId> turns;
  turns.swap(turns_);
  for (SessionId id : turns) {
    Resident* resident = find(id);
    if (!resident) continue;
    resident->inLine_ = false;
    resident->resume();
  }
  leaving_.clear();
  tidy(count != 0);
}

bool Worker::isUntidy() const { return changes_ >= kWorthTidying; }

void Worker::tidy(bool busy) {
  if (busy) lastBusy_ = now_;
  if (!isUntidy() || now_ - lastBusy_ < kQuiet) return;
  changes_ = 0;
  malloc_trim(0);
}

/// ms until something is due; -1: never.
int Worker::timeout() const {
  if (!turns_.empty()) return 0;
  constexpr uint64_t kNever = UINT64_MAX;
  uint64_t next = isUntidy() ? lastBusy_ + kQuiet : kNever;
  if (!times_.empty()) next = std::min(next, times_.begin()->first);
  if (deliverAt_) next = std::min(next, deliverAt_);
  if (next == kNever) return -1;
  uint64_t now = monotonicTime();
  return next <= now ? 0 : static_cast<int>(std::min<uint64_t>(next - now, INT_MAX));
}

void Worker::takeMail() {
  std::vector<Task> tasks;
  std::vector<SessionId> woken;
  {
    std::lock_guard lock(mutex_);
    if (!rung_) return;
    rung_ = false;
    tasks.swap(tasks_);
    woken.swap(woken_);
  }
  for (Task& task : tasks) task();
  for (SessionId id : woken) {
    if (Resident* resident = find(id)) resident->resume();
  }
}

void Worker::deliverSoon() {
  if (!deliverAt_) deliverAt_ = now_ + kDelivery;
}

void Worker::deliverQueued() {
  if (!deliverAt_ || now_ < deliverAt_) return;
  deliverAt_ = 0;
  node::deliverEvents();
}

void Worker::callDue() {
  while (!times_.empty() && times_.begin()->first <= now_) {
    Resident* resident = find(times_.begin()->second);
    times_.erase(times_.begin());
    scheduled_.store(times_.size(), std::memory_order_relaxed);
    if (!resident) continue;
    resident->due_ = 0;
    resident->due();
  }
}

}  // namespace tlspool::engine
