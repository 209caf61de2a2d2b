// What happens to a session up to its relay: its handshake is driven by what the socket, the brain and the
// token have to say, and the plaintext side is waited for.
#include <sys/epoll.h>

#include "engine/events.h"
#include "engine/session.h"

namespace tlspool::engine {

namespace {

/// ms until a handshake that found no free stack tries again.
constexpr uint64_t kStackRetry = 5;

}  // namespace

void Session::shake() {
  switch (handshake_->advance()) {
    case Handshake::Step::kWaiting:
      if (handshake_->waitsForStack()) {
        return link_.worker.schedule(*this, link_.worker.now() + kStackRetry);
      }
      if (link_.datagrams) scheduleRetransmission();
      return armHandshake();
    case Handshake::Step::kEstablished:
      return phase_ == Phase::kRenewing ? finishRenewal() : finishHandshake();
    case Handshake::Step::kFailed:
      return end(handshake_->end());
  }
}

void Session::armHandshake() {
  // While it is parked the entry stays as it is: usually nothing comes, and it saves system calls.
  if (handshake_->waitsForOthers() && link_.netPolled.added() && link_.toNet.empty()) return;
  uint32_t events = handshake_->waitsForOthers() ? EPOLLRDHUP : EPOLLIN;
  if (!link_.toNet.empty()) events |= EPOLLOUT;
  watchNet(events);
}

/// Without that the session would wait for nothing.
void Session::watchNet(uint32_t events) {
  if (link_.netPolled.want(link_.worker.epoll(), link_.net.number(), events, key(Side::kNet))) return;
  EndReason reason = handshake_ ? EndReason::kHandshakeFailed : EndReason::kProtocolError;
  end({reason, Failure::unwatched(link_.alerts)});
}

/// A peer that repeats itself while we wait for others is not answered: what it needs comes then.
void Session::scheduleRetransmission() {
  auto in = handshake_->retransmitsIn();
  retransmission_ = in ? link_.worker.now() + *in : 0;
  link_.worker.schedule(*this, nextTime());
}

void Session::retransmit() {
  if (handshake_->retransmit() == Handshake::Step::kFailed) return end(handshake_->end());
  scheduleRetransmission();
}

void Session::finishHandshake() {
  retransmission_ = 0;
  resumption_ = handshake_->resumption();
  Established established = handshake_->established();
  handshake_.reset();
  shown_ = established.credential;
  if (resumption_) relay_.promiseTicket();
  node::postEvent(std::make_unique<EstablishedEvent>(id(), std::move(established)));
  if (link_.plain) return startRelay();
  phase_ = Phase::kAwaitingPlain;
  // The entry stays as it is while all was sent: usually the plaintext side comes before any event.
  if (!link_.toNet.empty()) armAwaiting();
}

void Session::armAwaiting() {
  if (!link_.toNet.empty()) return watchNet(EPOLLOUT);
  link_.netPolled.remove(link_.worker.epoll(), link_.net.number());
}

void Session::startRelay() {
  phase_ = Phase::kRelaying;
  if (!datagrams_) relay_.begin();
  scheduleEnd();
  traffic().runBoth();
  afterRelay();
}

/// The peer has nothing to say now; only its leaving is of interest.
void Session::readyWhileParked(uint32_t events) {
  if (handshake_->peerHasFinished()) {
    // It may have sent all it had to say, and left: that is for the relay to read.
    return link_.netPolled.remove(link_.worker.epoll(), link_.net.number());
  }
  bool left = events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP);
  if (left && link_.datagrams) left = handshake_->hasLostPeer();
  if (!left) return watchNet(EPOLLRDHUP | interest(false, !link_.toNet.empty()));
  handshake_->cancel();
  end({EndReason::kHandshakeFailed,
       Failure::lostConnection(link_.alerts, "the peer left while the handshake was waiting")});
}

}  // namespace tlspool::engine
