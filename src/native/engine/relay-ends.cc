// How the two directions of a relay end, and what becomes of the session by that.
#include <openssl/err.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "engine/relay.h"
#include "socket/kind.h"

namespace tlspool::engine {

namespace {

/// Whether closing a socket resets its connection, also when it is the end of the process that closes it.
void closeResets(int fd, bool so) {
  linger now{so ? 1 : 0, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

/// A record has begun to come: some of its header, the header alone, or more.
bool isWithinRecord(const SSL* ssl) {
  return SSL_has_pending(ssl) || strcmp(SSL_rstate_string(ssl), "RB") == 0;
}

}  // namespace

/// Until the peer has ended properly, no end of ours is to look like one.
void Relay::begin() { closeResets(link_.plain.number(), true); }

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

void Relay::programLost(int error) {
  // It wanted a reset, or closed with data of ours unread. EPIPE: what it sent before is still to be read.
  bool left = error != EPIPE && !plainEnded_;
  if (left && socket::knowsReset(link_.plain.number())) programReset_ = true;
  if (left || !toPlain_.empty()) undelivered_ = true;
  toPlain_.clear();
  plainDead_ = true;
}

/// TLS is over: what was decrypted is still delivered.
void Relay::broken(Failure failure) {
  if (!failure_) failure_ = std::move(failure);
  netEnded_ = true;
  plainEnded_ = true;
}

/// What the program sent is not all.
bool Relay::outIsCut() const { return programReset_ || drainedShort_; }

/// What the peer sent is not all, or may not be.
bool Relay::inIsCut() const {
  if (!netEnded_ || closedByPeer_) return false;
  bool justTruncated = truncated_ && !peerReset_ && !failure_ && !draining_;
  SSL* ssl = link_.ssl.get();
  return !justTruncated || !SSL_is_server(ssl) || isWithinRecord(ssl);
}

/// The program's end of stream becomes close_notify and then the end of the TCP stream.
void Relay::endOut() {
  if (!plainEnded_ || outIsCut() || netDead_ || netShut_) return;
  if (interrupted_ || !link_.toNet.empty()) return;
  if (!noticeSent_ && !failure_) {
    noticeSent_ = true;
    ERR_clear_error();
    if (beginTicket()) SSL_do_handshake(link_.ssl.get());
    SSL_shutdown(link_.ssl.get());
    flushNet();
  }
  if (!link_.toNet.empty() || netDead_) return;
  netShut_ = true;
  ::shutdown(link_.net.number(), SHUT_WR);
}

/// The peer's end of stream becomes the program's.
void Relay::endIn() {
  if (!netEnded_ || inIsCut() || plainDead_ || plainShut_ || !toPlain_.empty()) return;
  plainShut_ = true;
  closeResets(link_.plain.number(), false);
  ::shutdown(link_.plain.number(), SHUT_WR);
}

void Relay::settle() {
  if (end_) return;
  if (plainHungUp_ && plainEnded_ && !plainDead_) programLost(EPIPE);
  if (programHeld_ && netEnded_ && !draining_ && !failure_) {
    broken(Failure::lostConnection(link_.alerts, "the peer left instead of renegotiating"));
  }
  endOut();
  endIn();
  if (isOver()) {
    end_ = outcome();
    return;
  }
  // Nobody is left whom it could serve: what remains to be waited for is bounded.
  if (failure_ || programReset_ || ((netDead_ || netShut_) && plainDead_)) lingers_ = true;
  arm();
}

bool Relay::isOver() const {
  bool sent = plainEnded_ && outIsCut() && link_.toNet.empty();
  bool outDone = netDead_ || netShut_ || sent;
  bool inDone = netEnded_ && toPlain_.empty();
  if (draining_) return outDone && inDone;
  return (outDone && (inDone || programReset_)) || (inDone && inIsCut());
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
