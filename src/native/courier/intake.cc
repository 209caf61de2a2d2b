#include "courier/intake.h"

#include <cerrno>
#include <utility>

#include "socket/opening.h"

namespace tlspool::courier {

namespace {

using socket::Descriptor;

/// Out of descriptors or memory, a listener stays readable: without a pause this would spin.
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

Intake::Intake(uint64_t word, Descriptor listener, node::Bytes request, size_t limit)
    : word_(word), listener_(std::move(listener)), request_(std::move(request)), limit_(limit) {}

void Intake::attend(Poller& poller, bool mayCome) {
  bool wanted = mayCome && listener_ && !restsUntil_ && underway_ < limit_;
  if (wanted == watched_) return;
  watched_ = wanted;
  if (wanted)
    poller.add(listener_.number(), EPOLLIN, word_);
  else
    poller.remove(listener_.number());
}

Descriptor Intake::next(Poller& poller, int* failure) {
  *failure = 0;
  if (!watched_) return {};
  Descriptor client = socket::accept(listener_.number());
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

void Intake::rest(Poller& poller) {
  restsUntil_ = Clock::now() + kBreather;
  attend(poller, false);
}

void Intake::close(Poller& poller) {
  attend(poller, false);
  listener_.reset();
}

}  // namespace tlspool::courier
