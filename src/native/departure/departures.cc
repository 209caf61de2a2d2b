#include "departure/departures.h"

#include <pthread.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "async/thread.h"
#include "node/event.h"

namespace tlspool::departure {

namespace {

using courier::Command;
using courier::Header;
using courier::Message;
using socket::Descriptor;

using Phase = Departure::Phase;

/// What a word of the poller is about, in its highest bits; below is the number of a departure.
enum class About : uint64_t { bell, channel, departure };

constexpr int kNumberBits = 56;
constexpr uint64_t kNumberMask = (uint64_t{1} << kNumberBits) - 1;

constexpr uint64_t word(About about, uint64_t number = 0) {
  return static_cast<uint64_t>(about) << kNumberBits | number;
}

/// Requests are numbered by 16 bits, 0 not among them.
constexpr size_t kMostRequests = 0xffff;
/// That all went well may be told together with what comes next, or so late.
constexpr auto kLongestSilence = std::chrono::milliseconds(20);

constexpr const char* kGone = "the program has closed its socket";

courier::Describe withErrno(int error) {
  return [error](napi_env env, napi_value event) {
    node::set(env, event, "errno", node::number(env, error));
  };
}

}  // namespace

std::shared_ptr<Departures> Departures::start(int64_t id) {
  std::shared_ptr<Departures> departures(new Departures(id));
  if (!departures->poller_.isGood()) return nullptr;
  return async::runApart([departures] { departures->work(); }) ? departures : nullptr;
}

Departures::Departures(int64_t id) : id_(id), poller_(word(About::bell)) {}

void Departures::open(Descriptor channel) {
  std::lock_guard lock(mutex_);
  channel_.emplace(std::move(channel));
  watchesWritable_ = false;
  broken_ = 0;
  if (poller_.add(channel_->number(), EPOLLIN, word(About::channel))) return;
  broken_ = errno;
  poller_.wake();
}

bool Departures::begin(int64_t number, Order& order) {
  std::lock_guard lock(mutex_);
  if (!channel_ || broken_ != 0) return false;
  bool connected = order.connected;
  Place place = departures_.emplace(number, Departure(std::move(order))).first;
  if (connected)
    ask(place);
  else
    await(place, EPOLLOUT);
  // The thread sleeps until an event comes, or the first deadline that it knows of.
  if (broken_ != 0 || deadlines_.size() == 1) poller_.wake();
  return true;
}

std::optional<Phase> Departures::giveUp(int64_t number) {
  std::lock_guard lock(mutex_);
  Place place = departures_.find(number);
  if (place == departures_.end() || place->second.hasMet()) return std::nullopt;
  Phase phase = place->second.phase();
  awaitNoMore(place);
  if (phase == Phase::meeting) refuse(place->second.question(), kGone);
  // The pool is told when it asks.
  if (phase == Phase::connecting)
    forget(place);
  else
    place->second.giveUp();
  return phase;
}

void Departures::met(int64_t number, Descriptor end) {
  std::lock_guard lock(mutex_);
  Place place = departures_.find(number);
  if (place == departures_.end() || place->second.phase() != Phase::meeting) return;
  place->second.met(std::move(end));
  listen(place);
  poller_.wake();
}

void Departures::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  channel_.reset();
  departures_.clear();
  deadlines_.clear();
  requests_.clear();
  poller_.wake();
}

void Departures::work() {
  pthread_setname_np(pthread_self(), "tlspool-depart");
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
int Departures::pause() const {
  std::optional<Clock::time_point> next = tellBy_;
  if (!deadlines_.empty())
    next = next ? std::min(*next, deadlines_.begin()->first) : deadlines_.begin()->first;
  if (!next) return -1;
  auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - Clock::now()).count();
  return static_cast<int>(std::max<int64_t>(0, left));
}

/// What it is about may be gone, by what came before it.
void Departures::see(const epoll_event& event) {
  switch (static_cast<About>(event.data.u64 >> kNumberBits)) {
    case About::bell:
      poller_.calm();
      return;
    case About::channel:
      if (channel_) exchange(event.events);
      return;
    case About::departure: {
      Place place = departures_.find(static_cast<int64_t>(event.data.u64 & kNumberMask));
      if (place == departures_.end()) return;
      if (place->second.phase() == Phase::connecting)
        connected(place, place->second.connected());
      else if (place->second.phase() == Phase::listening)
        hear(place, true);
      return;
    }
  }
}

void Departures::expire() {
  auto now = Clock::now();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    Place place = departures_.find(deadlines_.begin()->second);
    if (place->second.phase() == Phase::connecting)
      connected(place, ETIMEDOUT);
    else
      hear(place, false);
  }
  if (!tellBy_ || *tellBy_ > now) return;
  tellBy_.reset();
  node::deliverEvents();
}

/// What cannot be watched is not waited for.
void Departures::await(Place place, uint32_t events) {
  Departure& departure = place->second;
  auto number = static_cast<uint64_t>(place->first);
  if (poller_.add(departure.watched(), events, word(About::departure, number)))
    deadlines_.emplace(departure.deadline(), place->first);
  else if (departure.phase() == Phase::connecting)
    connected(place, errno);
  else
    hear(place, false);
}

/// Before what is watched is given away, or the phase another.
void Departures::awaitNoMore(Place place) {
  if (deadlines_.erase({place->second.deadline(), place->first}) > 0)
    poller_.remove(place->second.watched());
}

/// Or failed.
void Departures::connected(Place place, int error) {
  awaitNoMore(place);
  if (error == 0) {
    ask(place);
    return;
  }
  report(id_, place->first, "unreachable", false, true, withErrno(error));
  forget(place);
}

void Departures::ask(Place place) {
  Departure& departure = place->second;
  if (!channel_ || requests_.size() >= kMostRequests || !courier::nameSession(&departure.request())) {
    report(id_, place->first, "unasked", false, true);
    forget(place);
    return;
  }
  do {
    lastNumber_++;
  } while (lastNumber_ == 0 || requests_.contains(lastNumber_));
  requests_.emplace(lastNumber_, place->first);
  courier::putNumber(&departure.request(), lastNumber_);
  Descriptor upstream = departure.ask(lastNumber_);
  send(departure.request().data(), departure.request().size(), std::move(upstream));
}

/// The server has proved who it is, and the pool asks for the program's end.
void Departures::meet(Place place, const Message& question) {
  Departure& departure = place->second;
  if (!departure.meet(question)) {
    int error = errno;
    refuse(question, kGone);
    fail(place, "unmet", withErrno(error));
    return;
  }
  if (departure.phase() == Phase::listening) {
    listen(place);
    return;
  }
  int end = departure.end().release();
  report(id_, place->first, "meet", false, true, [end](napi_env env, napi_value event) {
    node::set(env, event, "fd", node::number(env, end));
  });
}

void Departures::listen(Place place) {
  if (place->second.deadline() <= Clock::now())
    hear(place, false);
  else
    await(place, EPOLLIN);
}

/// The program has said something, or nothing for long enough.
void Departures::hear(Place place, bool spoke) {
  Departure& departure = place->second;
  awaitNoMore(place);
  if (departure.awaitsWord() && departure.speaksTls()) {
    refuse(departure.question(), "the program speaks TLS itself");
    fail(place, "speaksTls");
    return;
  }
  Message answer = departure.question();
  Descriptor end = departure.give(spoke);
  send(answer.data(), answer.size(), std::move(end));
}

void Departures::exchange(uint32_t events) {
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

void Departures::understand(const Message& message) {
  Header header = courier::headerOf(message);
  auto found = requests_.find(header.request);
  if (found == requests_.end()) {
    if (header.callback != 0) refuse(message, "the request was given up");
    return;
  }
  Place place = departures_.find(found->second);
  if (header.callback == 0) {
    if (header.command != Command::details) conclude(place, message);
  } else if (place->second.phase() == Phase::unwanted) {
    refuse(message, kGone);
  } else if (header.command == Command::plaintextConnect && place->second.phase() == Phase::asked) {
    meet(place, message);
  } else {
    refuse(message, "the pool asked what nobody here can answer");
    fail(place, "unanswerable");
  }
}

/// The pool's last word.
void Departures::conclude(Place place, const Message& message) {
  const Departure& departure = place->second;
  if (departure.phase() == Phase::unwanted) {
    // It was told of when it came to that.
  } else if (courier::headerOf(message).command == Command::startTls) {
    bool spoke = departure.spoke();
    report(id_, place->first, "done", true, false, [spoke](napi_env env, napi_value event) {
      node::set(env, event, "spoke", node::boolean(env, spoke));
    });
    if (!tellBy_) tellBy_ = Clock::now() + kLongestSilence;
  } else {
    report(id_, place->first, "refused", departure.hasMet(), true,
           [message](napi_env env, napi_value event) {
             node::set(env, event, "message", node::buffer(env, message.data(), message.size()));
           });
  }
  awaitNoMore(place);
  forget(place);
}

/// The pool does not know yet.
void Departures::fail(Place place, const char* kind, courier::Describe describe) {
  report(id_, place->first, kind, place->second.hasMet(), true, std::move(describe));
  awaitNoMore(place);
  place->second.giveUp();
}

/// A question of the pool.
void Departures::refuse(const Message& question, const char* text) {
  Message refusal = courier::refusalOf(courier::headerOf(question), ECANCELED, text);
  send(refusal.data(), refusal.size());
}

void Departures::forget(Place place) {
  if (place->second.number() != 0) requests_.erase(place->second.number());
  departures_.erase(place);
}

/// The pool's connection is gone, and with it what was on its way.
void Departures::lose(int error) {
  channel_.reset();
  broken_ = 0;
  for (const auto& [number, departure] : requests_) {
    Place place = departures_.find(departure);
    if (place->second.phase() != Phase::unwanted)
      report(id_, departure, "cut", place->second.hasMet(), true);
    awaitNoMore(place);
    departures_.erase(place);
  }
  requests_.clear();
  report(id_, 0, "ended", false, true, withErrno(error));
}

void Departures::send(const unsigned char* bytes, size_t length, Descriptor fd) {
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

}  // namespace tlspool::departure
