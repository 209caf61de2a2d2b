#include "departure/departures.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "node/event.h"
#include "node/values.h"

namespace tlspool::departure {

namespace {

using node::Describe;
using pool::Command;
using pool::Header;
using pool::Message;
using pool::Topic;
using socket::Descriptor;

using Phase = Departure::Phase;

/// That all went well may be told together with what comes next, or so late.
constexpr auto kLongestSilence = std::chrono::milliseconds(20);

/// The one thing that descriptors are watched for.
constexpr uint8_t kDeparture = 0;

constexpr const char* kGone = "the program has closed its socket";

}  // namespace

std::shared_ptr<Departures> Departures::start(int64_t number) {
  std::shared_ptr<Departures> departures(new Departures(number));
  return run(departures, "tlspool-depart") ? departures : nullptr;
}

Departures::Departures(int64_t number) : PoolThread("departures", number) {}

bool Departures::begin(int64_t number, Order& order) {
  std::lock_guard lock(mutex_);
  if (!reachesPool()) return false;
  bool connected = order.connected;
  Place place = departures_.emplace(number, Departure(std::move(order))).first;
  if (connected)
    ask(place);
  else
    await(place, EPOLLOUT);
  // The thread sleeps until an event comes, or the first deadline that it knows of.
  if (deadlines_.size() == 1) poller_.wake();
  return true;
}

std::optional<Phase> Departures::giveUp(int64_t number) {
  std::lock_guard lock(mutex_);
  Place place = departures_.find(number);
  if (place == departures_.end() || place->second.hasMet()) return std::nullopt;
  Phase phase = place->second.phase();
  awaitNoMore(place);
  if (phase == Phase::meeting) refuse(place->second.question(), kGone);
  if (phase == Phase::asked) send(pool::withdrawalOf(place->second.request()));
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

void Departures::clear() {
  departures_.clear();
  deadlines_.clear();
  requests_.clear();
}

std::optional<Clock::time_point> Departures::due() const {
  if (deadlines_.empty()) return tellBy_;
  auto first = deadlines_.begin()->first;
  return tellBy_ ? std::min(*tellBy_, first) : first;
}

void Departures::see(Topic topic) {
  Place place = departures_.find(static_cast<int64_t>(topic.number));
  if (place == departures_.end()) return;
  if (place->second.phase() == Phase::connecting)
    connected(place, place->second.connected());
  else if (place->second.phase() == Phase::listening)
    hear(place, true);
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
  Topic topic{kDeparture, static_cast<uint64_t>(place->first)};
  if (poller_.add(departure.watched(), events, topic))
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
  tell(place, "unreachable", pool::withErrno(error));
  forget(place);
}

void Departures::ask(Place place) {
  Departure& departure = place->second;
  node::Bytes& request = departure.request();
  bool mayAsk = reachesPool() && pool::nameSession(&request);
  uint16_t number = mayAsk ? numbers_.give(&request, requests_) : 0;
  if (number == 0) {
    tell(place, "unasked");
    forget(place);
    return;
  }
  requests_.emplace(number, place->first);
  Descriptor upstream = departure.ask(number);
  send(request.data(), request.size(), std::move(upstream));
}

/// The server has proved who it is, and the pool asks for the program's end.
void Departures::meet(Place place, const Message& question) {
  Departure& departure = place->second;
  if (!departure.meet(question)) {
    int error = errno;
    refuse(question, kGone);
    fail(place, "unmet", pool::withErrno(error));
    return;
  }
  if (departure.phase() == Phase::listening) {
    listen(place);
    return;
  }
  int end = departure.end().release();
  tell(place, "meet", [end](napi_env env, napi_value event) {
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
  send(departure.question(), departure.give(spoke));
}

void Departures::understand(const Message& message) {
  Header header = pool::headerOf(message);
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
  } else if (pool::headerOf(message).command == Command::startTls) {
    auto whether = [spoke = departure.spoke()](napi_env env, napi_value event) {
      node::set(env, event, "spoke", node::boolean(env, spoke));
    };
    reportLater("done", about(place, whether));
    if (!tellBy_) tellBy_ = Clock::now() + kLongestSilence;
  } else {
    tell(place, "refused", pool::withMessage(message));
  }
  awaitNoMore(place);
  forget(place);
}

/// The pool does not know yet.
void Departures::fail(Place place, const char* kind, Describe describe) {
  tell(place, kind, std::move(describe));
  awaitNoMore(place);
  place->second.giveUp();
}

void Departures::forget(Place place) {
  if (place->second.number() != 0) requests_.erase(place->second.number());
  departures_.erase(place);
}

void Departures::lost() {
  for (const auto& [number, departure] : requests_) {
    Place place = departures_.find(departure);
    if (place->second.phase() != Phase::unwanted) tell(place, "cut");
    awaitNoMore(place);
    departures_.erase(place);
  }
  requests_.clear();
}

void Departures::tell(Place place, const char* kind, Describe describe) {
  report(kind, about(place, std::move(describe)));
}

/// `{ …, number, met, …description }`
Describe Departures::about(Place place, Describe describe) {
  int64_t number = place->first;
  bool met = place->second.hasMet();
  return [=, describe = std::move(describe)](napi_env env, napi_value event) {
    node::set(env, event, "number", node::number(env, static_cast<double>(number)));
    node::set(env, event, "met", node::boolean(env, met));
    if (describe) describe(env, event);
  };
}

}  // namespace tlspool::departure
