#include "courier/courier.h"

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "node/values.h"

namespace tlspool::courier {

namespace {

using node::Describe;
using pool::Command;
using pool::Header;
using pool::Message;
using pool::Topic;
using socket::Descriptor;

/// What descriptors are watched for.
enum About : uint8_t { kListener, kVisit };

/// The pool and others get their turn after so many clients.
constexpr int kLargestBatch = 64;

/// What is told of it.
/// @param what a literal
Describe about(const char* what, int64_t number, Describe describe) {
  return [=, describe = std::move(describe)](napi_env env, napi_value event) {
    node::set(env, event, what, node::number(env, static_cast<double>(number)));
    if (describe) describe(env, event);
  };
}

Describe aboutListener(int64_t listener, Describe describe = nullptr) {
  return about("listener", listener, std::move(describe));
}

/// One of TypeScript's.
Describe aboutQuestion(int64_t question, Describe describe = nullptr) {
  return about("question", question, std::move(describe));
}

}  // namespace

std::shared_ptr<Courier> Courier::start(int64_t number) {
  std::shared_ptr<Courier> courier(new Courier(number));
  return run(courier, "tlspool-courier") ? courier : nullptr;
}

Courier::Courier(int64_t number) : PoolThread("courier", number) {}

void Courier::opened() {
  for (auto& [id, intake] : intakes_) attend(intake);
}

void Courier::serve(int64_t id, Intake::Order order) {
  std::lock_guard lock(mutex_);
  Intake intake({kListener, static_cast<uint64_t>(id)}, std::move(order));
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
  uint16_t number = reachesPool() ? numbers_.give(&request, visits_, asked_) : 0;
  if (number == 0) {
    report("unanswered", aboutQuestion(question));
    return;
  }
  asked_.emplace(number, question);
  send(request.data(), request.size());
}

void Courier::clear() {
  intakes_.clear();
  asked_.clear();
  connecting_.clear();
  visits_.clear();
}

std::optional<Clock::time_point> Courier::due() const {
  std::optional<Clock::time_point> next;
  auto consider = [&next](Clock::time_point time) { next = next ? std::min(*next, time) : time; };
  for (const auto& [id, intake] : intakes_)
    if (intake.restsUntil()) consider(*intake.restsUntil());
  for (uint16_t number : connecting_) consider(visits_.at(number).due());
  return next;
}

void Courier::see(Topic topic) {
  if (topic.kind == kListener) {
    auto found = intakes_.find(static_cast<int64_t>(topic.number));
    if (found != intakes_.end()) accept(found->first, found->second);
  } else {
    auto visit = static_cast<uint16_t>(topic.number);
    if (connecting_.contains(visit)) connected(visit);
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

void Courier::attend(Intake& intake) { intake.attend(poller_, reachesPool()); }

void Courier::accept(int64_t id, Intake& intake) {
  for (int taken = 0; taken < kLargestBatch; taken++) {
    // Made first: whoever cannot be passed on now waits in the kernel.
    uint16_t number = reachesPool() ? numbers_.give(&intake.request(), visits_, asked_) : 0;
    if (number == 0 || !pool::nameSession(&intake.request())) {
      intake.rest(poller_);
      return;
    }
    int failure;
    Descriptor client = intake.next(poller_, &failure);
    if (failure != 0) report("failed", aboutListener(id, pool::withErrno(failure)));
    if (!client) return;
    visits_.emplace(number, Visit(id, intake.wayOf(client.number())));
    send(intake.request().data(), intake.request().size(), std::move(client));
  }
}

/// Tells when a listener that was stopped has nobody on the way any more.
void Courier::retire(int64_t id) {
  if (!intakes_.at(id).isOver()) return;
  intakes_.erase(id);
  report("idle", aboutListener(id));
}

void Courier::understand(const Message& message) {
  Header header = pool::headerOf(message);
  auto asked = asked_.find(header.request);
  if (asked != asked_.end() && header.callback == 0) {
    report("answered", aboutQuestion(asked->second, pool::withMessage(message)));
    asked_.erase(asked);
    return;
  }
  auto found = visits_.find(header.request);
  if (found == visits_.end()) {
    if (header.callback != 0) refuse(message, "the request was given up");
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
  if (visit.connecting() >= 0 && !poller_.add(visit.connecting(), EPOLLOUT, {kVisit, number}))
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
  send(answer.message, std::move(answer.end));
  if (!refuses || !visit.tell()) return;
  auto why = [failure = std::move(answer.failure)](napi_env env, napi_value event) {
    node::set(env, event, "code", node::string(env, failure.code));
    node::set(env, event, "text", node::string(env, failure.text));
    node::set(env, event, "errno", node::number(env, failure.error));
  };
  report("lost", aboutListener(visit.listener(), std::move(why)));
}

/// The pool's last word.
void Courier::conclude(uint16_t number, const Message& message) {
  Visit& visit = visits_.at(number);
  if (pool::headerOf(message).command != Command::startTls && visit.tell())
    report("refused", aboutListener(visit.listener(), pool::withMessage(message)));
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

void Courier::lost() {
  for (auto& [id, intake] : intakes_) attend(intake);
  while (!visits_.empty()) {
    auto& [number, visit] = *visits_.begin();
    if (visit.tell()) report("cut", aboutListener(visit.listener()));
    forget(number);
  }
  for (const auto& [number, question] : std::exchange(asked_, {}))
    report("unanswered", aboutQuestion(question));
}

}  // namespace tlspool::courier
