#include "courier/courier.h"

#include <pthread.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "async/thread.h"
#include "courier/report.h"

namespace tlspool::courier {

namespace {

using socket::Descriptor;

/// What a word of the poller is about: the kind in its highest bits, the number below.
enum class About : uint64_t { bell, channel, listener, visit };

constexpr int kNumberBits = 56;
constexpr uint64_t kNumberMask = (uint64_t{1} << kNumberBits) - 1;

constexpr uint64_t word(About about, uint64_t number = 0) {
  return static_cast<uint64_t>(about) << kNumberBits | number;
}

/// The pool and others get their turn after so many clients.
constexpr int kLargestBatch = 64;
/// Requests are numbered by 16 bits, 0 not among them.
constexpr size_t kMostRequests = 0xffff;

}  // namespace

std::shared_ptr<Courier> Courier::start(int64_t id) {
  std::shared_ptr<Courier> courier(new Courier(id));
  if (!courier->poller_.isGood()) return nullptr;
  return async::runApart([courier] { courier->work(); }) ? courier : nullptr;
}

Courier::Courier(int64_t id) : id_(id), poller_(word(About::bell)) {}

void Courier::open(Descriptor channel) {
  std::lock_guard lock(mutex_);
  channel_.emplace(std::move(channel));
  watchesWritable_ = false;
  broken_ = 0;
  if (!poller_.add(channel_->number(), EPOLLIN, word(About::channel))) broken_ = errno;
  for (auto& [id, intake] : intakes_) attend(intake);
  poller_.wake();
}

void Courier::serve(int64_t id, Intake::Order order) {
  std::lock_guard lock(mutex_);
  Intake intake(word(About::listener, static_cast<uint64_t>(id)), std::move(order));
  attend(intakes_.emplace(id, std::move(intake)).first->second);
  poller_.wake();
}

void Courier::stop(int64_t id) {
  std::lock_guard lock(mutex_);
  auto found = intakes_.find(id);
  if (found == intakes_.end()) return;
  found->second.close(poller_);
  retire(id);
}

void Courier::ask(int64_t question, node::Bytes request) {
  std::lock_guard lock(mutex_);
  if (!channel_ || !number(request)) {
    reportQuestion(id_, question, "unanswered");
    return;
  }
  asked_.emplace(lastNumber_, question);
  send(request.data(), request.size());
}

void Courier::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  channel_.reset();
  intakes_.clear();
  asked_.clear();
  connecting_.clear();
  visits_.clear();
  poller_.wake();
}

void Courier::work() {
  pthread_setname_np(pthread_self(), "tlspool-courier");
  for (;;) {
    int timeout;
    {
      std::lock_guard lock(mutex_);
      if (closed_) return;
      timeout = pause();
    }
    auto ready = poller_.wait(timeout);
    std::lock_guard lock(mutex_);
    if (closed_) return;
    for (const epoll_event& event : ready) see(event);
    if (broken_ != 0) lose(broken_);
    expire();
  }
}

/// ms until the next deadline; -1: there is none.
int Courier::pause() const {
  std::optional<Clock::time_point> next;
  auto consider = [&next](Clock::time_point time) { next = next ? std::min(*next, time) : time; };
  for (const auto& [id, intake] : intakes_)
    if (intake.restsUntil()) consider(*intake.restsUntil());
  for (uint16_t number : connecting_) consider(visits_.at(number).due());
  if (!next) return -1;
  auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - Clock::now()).count();
  return static_cast<int>(std::max<int64_t>(0, left));
}

/// What it is about may be gone, by what came before it.
void Courier::see(const epoll_event& event) {
  uint64_t number = event.data.u64 & kNumberMask;
  switch (static_cast<About>(event.data.u64 >> kNumberBits)) {
    case About::bell:
      poller_.calm();
      return;
    case About::channel:
      if (channel_) exchange(event.events);
      return;
    case About::listener: {
      auto found = intakes_.find(static_cast<int64_t>(number));
      if (found != intakes_.end()) accept(found->first, found->second);
      return;
    }
    case About::visit: {
      auto visit = static_cast<uint16_t>(number);
      if (connecting_.contains(visit)) connected(visit);
      return;
    }
  }
}

void Courier::expire() {
  auto now = Clock::now();
  for (auto& [id, intake] : intakes_) {
    if (!intake.restsUntil() || *intake.restsUntil() > now) continue;
    intake.wakeUp();
    attend(intake);
  }
  std::vector<uint16_t> late;
  for (uint16_t number : connecting_)
    if (visits_.at(number).due() <= now) late.push_back(number);
  for (uint16_t number : late) {
    connecting_.erase(number);
    proceed(number, visits_.at(number), visits_.at(number).resume());
  }
}

void Courier::attend(Intake& intake) { intake.attend(poller_, channel_ && broken_ == 0); }

void Courier::accept(int64_t id, Intake& intake) {
  for (int taken = 0; taken < kLargestBatch; taken++) {
    // Made first: whoever cannot be passed on now waits in the kernel.
    if (broken_ != 0 || !number(intake.request()) || !nameSession(&intake.request())) {
      intake.rest(poller_);
      return;
    }
    int failure;
    Descriptor client = intake.next(poller_, &failure);
    if (failure != 0) {
      report(id_, id, "failed", [failure](napi_env env, napi_value event) {
        node::set(env, event, "errno", node::number(env, failure));
      });
    }
    if (!client) return;
    visits_.emplace(lastNumber_, Visit(id, intake.wayOf(client.number())));
    send(intake.request().data(), intake.request().size(), std::move(client));
  }
}

/// Puts a request under a number that is free, `lastNumber_` then; false if there is none.
bool Courier::number(node::Bytes& request) {
  if (visits_.size() + asked_.size() >= kMostRequests) return false;
  do {
    lastNumber_++;
  } while (lastNumber_ == 0 || visits_.contains(lastNumber_) || asked_.contains(lastNumber_));
  putNumber(&request, lastNumber_);
  return true;
}

/// Tells when a listener that was stopped has nobody on the way any more.
void Courier::retire(int64_t id) {
  if (!intakes_.at(id).isOver()) return;
  intakes_.erase(id);
  report(id_, id, "idle");
}

void Courier::exchange(uint32_t events) {
  bool whole = true;
  if (events & EPOLLOUT) whole = channel_->flush();
  if (whole && (events & ~static_cast<uint32_t>(EPOLLOUT)))
    whole = channel_->receive([this](const Message& message) { understand(message); });
  if (!whole && broken_ == 0) broken_ = errno == 0 ? EPIPE : errno;
  if (broken_ != 0 || channel_->hasWaiting() == watchesWritable_) return;
  watchesWritable_ = channel_->hasWaiting();
  poller_.change(channel_->number(), watchesWritable_ ? EPOLLIN | EPOLLOUT : EPOLLIN,
                 word(About::channel));
}

void Courier::understand(const Message& message) {
  Header header = headerOf(message);
  auto asked = asked_.find(header.request);
  if (asked != asked_.end() && header.callback == 0) {
    reportQuestion(id_, asked->second, "answered", &message);
    asked_.erase(asked);
    return;
  }
  auto found = visits_.find(header.request);
  if (found == visits_.end()) {
    if (header.callback == 0) return;
    Message refusal = refusalOf(header, ECANCELED, "the request was given up");
    send(refusal.data(), refusal.size());
  } else if (header.callback != 0) {
    proceed(header.request, found->second, found->second.ask(message));
  } else if (header.command != Command::details) {
    conclude(header.request, message);
  }
}

/// Answers the pool's question, now or when the connection is there.
void Courier::proceed(uint16_t number, Visit& visit, std::optional<Visit::Answer> said) {
  if (said) {
    answer(visit, std::move(*said));
    return;
  }
  if (visit.connecting() >= 0 &&
      !poller_.add(visit.connecting(), EPOLLOUT, word(About::visit, number)))
    answer(visit, visit.fail(errno));
  else
    connecting_.insert(number);
}

/// Or failed.
void Courier::connected(uint16_t number) {
  Visit& visit = visits_.at(number);
  connecting_.erase(number);
  poller_.remove(visit.connecting());
  answer(visit, visit.finish());
}

void Courier::answer(Visit& visit, Visit::Answer answer) {
  bool refuses = !answer.end;
  send(answer.message.data(), answer.message.size(), std::move(answer.end));
  if (!refuses || !visit.tell()) return;
  report(id_, visit.listener(), "lost",
         [failure = std::move(answer.failure)](napi_env env, napi_value event) {
           node::set(env, event, "code", node::string(env, failure.code));
           node::set(env, event, "text", node::string(env, failure.text));
           node::set(env, event, "errno", node::number(env, failure.error));
         });
}

/// The pool's last word.
void Courier::conclude(uint16_t number, const Message& message) {
  Visit& visit = visits_.at(number);
  if (headerOf(message).command != Command::startTls && visit.tell()) {
    report(id_, visit.listener(), "refused", [message](napi_env env, napi_value event) {
      node::set(env, event, "message", node::buffer(env, message.data(), message.size()));
    });
  }
  forget(number);
}

void Courier::forget(uint16_t number) {
  auto visit = visits_.find(number);
  int64_t id = visit->second.listener();
  connecting_.erase(number);
  visits_.erase(visit);
  auto found = intakes_.find(id);
  if (found == intakes_.end()) return;
  found->second.left();
  attend(found->second);
  retire(id);
}

/// The pool's connection is gone, and with it what was on its way.
void Courier::lose(int error) {
  channel_.reset();
  for (auto& [id, intake] : intakes_) attend(intake);
  broken_ = 0;
  while (!visits_.empty()) {
    auto& [number, visit] = *visits_.begin();
    if (visit.tell()) report(id_, visit.listener(), "cut");
    forget(number);
  }
  for (const auto& [number, question] : std::exchange(asked_, {}))
    reportQuestion(id_, question, "unanswered");
  report(id_, 0, "ended", [error](napi_env env, napi_value event) {
    node::set(env, event, "errno", node::number(env, error));
  });
}

void Courier::send(const unsigned char* bytes, size_t length, Descriptor fd) {
  if (broken_ != 0) return;
  if (!channel_->send(bytes, length, std::move(fd))) {
    broken_ = errno;
    poller_.wake();
    return;
  }
  if (!channel_->hasWaiting() || watchesWritable_) return;
  watchesWritable_ = true;
  poller_.change(channel_->number(), EPOLLIN | EPOLLOUT, word(About::channel));
}

}  // namespace tlspool::courier
