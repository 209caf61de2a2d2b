#include "courier/intake.h"

#include <algorithm>
#include <cerrno>

#include "socket/opening.h"

namespace tlspool::courier {

namespace {

using pool::Poller;
using socket::Descriptor;

/// Out of descriptors or memory, a listener stays readable, or cannot be watched: without a pause
/// this would spin.
constexpr auto kBreather = std::chrono::milliseconds(100);

bool isShortage(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/// accept(2): errors of a connection that went away are no errors of the listener.
bool isOfConnection(int error) {
  switch (error) {
    case EAGAIN:
    case ECONNABORTED:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case EINTR:
    case ENETDOWN:
    case ENETUNREACH:
    case ENONET:
    case ENOPROTOOPT:
    case EPERM:
    case EPROTO:
      return true;
    default:
      return false;
  }
}

}  // namespace

void Intake::attend(Poller& poller, bool mayCome) {
  bool wanted = mayCome && !order_.listeners.empty() && !restsUntil_ && underway_ < order_.limit;
  if (wanted == watched_) return;
  auto watch = [&](const Descriptor& listener) {
    return poller.add(listener.number(), EPOLLIN, topic_);
  };
  watched_ = wanted && std::ranges::all_of(order_.listeners, watch);
  if (watched_) return;
  for (const Descriptor& listener : order_.listeners) poller.remove(listener.number());
  if (wanted) restsUntil_ = Clock::now() + kBreather;
}

Descriptor Intake::next(Poller& poller, int* failure) {
  *failure = 0;
  if (!watched_) return {};
  Descriptor client = acceptOne();
  if (client) {
    underway_++;
    attend(poller, true);
  } else if (isShortage(errno)) {
    rest(poller);
  } else if (!isOfConnection(errno)) {
    *failure = errno;
    close(poller);
  }
  return client;
}

/// From whichever listener has one, in turn; else empty with errno, of one that failed if any did.
Descriptor Intake::acceptOne() {
  for (size_t tried = 0; tried < order_.listeners.size(); tried++) {
    const Descriptor& listener = order_.listeners[next_];
    next_ = (next_ + 1) % order_.listeners.size();
    Descriptor client = socket::accept(listener.number());
    if (client || errno != EAGAIN) return client;
  }
  errno = EAGAIN;
  return {};
}

void Intake::rest(Poller& poller) {
  restsUntil_ = Clock::now() + kBreather;
  attend(poller, false);
}

void Intake::close(Poller& poller) {
  attend(poller, false);
  order_.listeners.clear();
}

}  // namespace tlspool::courier
