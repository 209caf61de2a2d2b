// How the two directions of a relay end, and what becomes of the session by that.
#include <openssl/err.h>
#include <sys/socket.h>

#include "engine/relay.h"

namespace tlspool::engine {

void Relay::drain() {
  draining_ = true;
  flushNet();
  flushPlain();
  if (mayPullNet()) pullNet();
  if (mayPullPlain()) pullPlain();
  netEnded_ = true;
  lingers_ = true;
  settle();
}

void Relay::giveUp() {
  netEnded_ = plainEnded_ = netDead_ = plainDead_ = true;
  if (!toPlain_.empty()) undelivered_ = true;
  toPlain_.clear();
  settle();
}

void Relay::peerLost() {
  netEnded_ = netDead_ = true;
  if (!closedByPeer_) peerReset_ = true;
}

void Relay::programLost() {
  if (!toPlain_.empty()) undelivered_ = true;
  toPlain_.clear();
  plainDead_ = true;
}

/// TLS is over: what was decrypted is still delivered.
void Relay::broken(Failure failure) {
  if (!failure_) failure_ = std::move(failure);
  netEnded_ = true;
  plainEnded_ = true;
}

/// The program's end of stream becomes close_notify and then the end of the TCP stream.
void Relay::endOut() {
  if (!plainEnded_ || netDead_ || netShut_ || interrupted_ || !link_.toNet.empty()) return;
  if (!noticeSent_ && !failure_) {
    noticeSent_ = true;
    ERR_clear_error();
    SSL_shutdown(link_.ssl.get());
    flushNet();
  }
  if (!link_.toNet.empty() || netDead_) return;
  netShut_ = true;
  ::shutdown(link_.net.number(), SHUT_WR);
}

/// The peer's end of stream becomes the program's.
void Relay::endIn() {
  if (!netEnded_ || plainDead_ || plainShut_ || !toPlain_.empty()) return;
  plainShut_ = true;
  ::shutdown(link_.plain.number(), SHUT_WR);
}

void Relay::settle() {
  if (end_) return;
  if (plainHungUp_ && plainEnded_ && !plainDead_) programLost();
  if (programHeld_ && netEnded_ && !draining_ && !failure_) {
    broken(Failure::lostConnection(link_.alerts, "the peer left instead of renegotiating"));
  }
  endOut();
  endIn();
  bool outDone = netDead_ || netShut_;
  bool inDone = netEnded_ && toPlain_.empty();
  if (outDone && inDone) {
    end_ = outcome();
    return;
  }
  // Nobody is left whom it could serve: what remains to be waited for is bounded.
  if (failure_ || (outDone && plainDead_)) lingers_ = true;
  arm();
}

End Relay::outcome() const {
  if (failure_) return {EndReason::kProtocolError, failure_};
  if (draining_) return {EndReason::kEnded, std::nullopt};
  if (undelivered_) return {EndReason::kProgramGone, std::nullopt};
  if (peerReset_)
    return {EndReason::kPeerReset,
            Failure::lostConnection(link_.alerts, "the peer reset the connection")};
  if (truncated_)
    return {EndReason::kTruncated,
            Failure::lostConnection(link_.alerts, "the peer's stream ended without close_notify")};
  return {EndReason::kClosed, std::nullopt};
}

}  // namespace tlspool::engine
