#include "engine/relay.h"

#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace tlspool::engine {

namespace {

ssize_t receive(int fd, unsigned char* data, size_t length) {
  ssize_t got;
  do {
    got = ::recv(fd, data, length, MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  return got;
}

/// One of the callbacks of a handshake wants to be asked again.
bool needsAnswer(int error) {
  return error == SSL_ERROR_WANT_CLIENT_HELLO_CB || error == SSL_ERROR_WANT_X509_LOOKUP ||
         error == SSL_ERROR_WANT_RETRY_VERIFY;
}

}  // namespace

void Relay::run(Side side, uint32_t events) {
  bool net = side == Side::kNet;
  bool hungUp = events & (EPOLLHUP | EPOLLERR);
  // epoll reports these whether they are wanted or not, and for ever: the entry goes, and comes
  // back when there is something to read or write.
  if (hungUp && net) link_.netPolled.remove(link_.worker.epoll(), link_.net.number());
  if (hungUp && !net) {
    plainHungUp_ = true;
    link_.plainPolled.remove(link_.worker.epoll(), link_.plain.number());
  }
  bool writable = hungUp || (events & EPOLLOUT);
  pump(net || writable, !net || writable);
}

void Relay::runBoth() { pump(true, true); }

void Relay::pump(bool net, bool plain) {
  wantsTurn_ = false;
  flushNet();
  flushPlain();
  if (net && mayPullNet()) pullNet();
  if (plain && mayPullPlain()) pullPlain();
  settle();
}

bool Relay::mayPullNet() const {
  return !netEnded_ && !held_ && !interrupted_ && toPlain_.empty();
}

bool Relay::mayPullPlain() const {
  return !plainEnded_ && !held_ && !programHeld_ && !interrupted_ && !netDead_ && !failure_ &&
         link_.toNet.empty();
}

// ---- from the peer to the program

void Relay::pullNet() {
  Staging& staging = link_.worker.staging();
  size_t moved = 0;
  while (mayPullNet()) {
    size_t burst = netBurst_;
    ssize_t got = 0;
    bool kept = !link_.input.empty();
    if (kept) {
      link_.openWindow();
    } else {
      got = link_.receiveNet(burst);
      if (got < 0 && errno == EAGAIN) return;
      if (got < 0) return peerLost();
      if (got == 0) {
        netEnded_ = true;
        truncated_ = !closedByPeer_;
        return;
      }
      lastActive_ = link_.worker.now();
    }
    size_t filled = 0;
    decrypt(&filled);
    link_.closeWindow();
    flushNet();
    if (filled) pushPlain(staging.plain(), filled);
    if (failure_ || kept) continue;
    if (static_cast<size_t>(got) < burst) return;
    if (toPlain_.empty()) netBurst_ = std::min<size_t>(burst * 2, kStage);
    moved += filled;
    if (moved >= kTurn) {
      wantsTurn_ = true;
      return;
    }
  }
}

/// Everything in the window becomes plaintext in the staging, except for the start of a record that
/// is not complete: OpenSSL keeps that.
void Relay::decrypt(size_t* filled) {
  Staging& staging = link_.worker.staging();
  SSL* ssl = link_.ssl.get();
  while (*filled < Staging::plainSize()) {
    size_t got = 0;
    ERR_clear_error();
    if (SSL_read_ex(ssl, staging.plain() + *filled, Staging::plainSize() - *filled, &got) == 1) {
      *filled += got;
      continue;
    }
    int error = SSL_get_error(ssl, 0);
    if (flooded_) {
      staging.dropWindow();
      return broken(Failure::local(link_.alerts, "the peer floods us with handshake messages"));
    }
    if (error == SSL_ERROR_WANT_READ) return;
    if (needsAnswer(error)) {
      interrupted_ = true;
      return;
    }
    if (error == SSL_ERROR_ZERO_RETURN) {
      closedByPeer_ = netEnded_ = true;
      staging.dropWindow();
      return;
    }
    staging.dropWindow();
    return broken(Failure::fromOpenSsl(link_.alerts));
  }
}

void Relay::pushPlain(const unsigned char* data, size_t length) {
  link_.counters->bytesIn.add(length);
  if (held_) return toPlain_.append(data, length);
  size_t done = 0;
  while (done < length && !plainDead_) {
    ssize_t sent =
        ::send(link_.plain.number(), data + done, length - done, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) {
      toPlain_.append(data + done, length - done);
      netBurst_ = std::max<size_t>(netBurst_ / 2, kSmallestBurst);
      return;
    }
    if (sent < 0) {
      programLost(errno);
    } else {
      done += static_cast<size_t>(sent);
    }
  }
  if (done < length) {
    undelivered_ = true;
    thrownAway_ += static_cast<uint32_t>(length - done);
    if (thrownAway_ > kLingerBytes) netEnded_ = true;
  }
}

void Relay::flushPlain() {
  while (!toPlain_.empty() && !held_) {
    ssize_t sent =
        ::send(link_.plain.number(), toPlain_.data(), toPlain_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) return programLost(errno);
    lastActive_ = link_.worker.now();
    toPlain_.drop(static_cast<size_t>(sent));
  }
}

// ---- from the program to the peer

void Relay::pullPlain() {
  Staging& staging = link_.worker.staging();
  size_t moved = 0;
  while (mayPullPlain()) {
    size_t burst = plainBurst_;
    ssize_t got = receive(link_.plain.number(), staging.plain(), burst);
    if (got < 0 && errno == EAGAIN) {
      if (draining_) drainedShort_ = plainEnded_ = true;
      return;
    }
    if (got < 0) {
      programLost(errno);
      plainEnded_ = true;
      return;
    }
    if (got == 0) {
      plainEnded_ = true;
      return;
    }
    lastActive_ = link_.worker.now();
    encrypt(static_cast<size_t>(got));
    link_.counters->bytesOut.add(static_cast<size_t>(got));
    flushNet();
    moved += static_cast<size_t>(got);
    if (!draining_ && static_cast<size_t>(got) < burst / 2) return;
    if (static_cast<size_t>(got) == burst && link_.toNet.empty()) {
      plainBurst_ = std::min<size_t>(burst * 2, kStage);
    }
    if (moved >= kTurn) {
      wantsTurn_ = true;
      return;
    }
  }
}

/// The ticket that was promised, if there are such, goes with what OpenSSL writes next. False if
/// there is none.
bool Relay::beginTicket() {
  SSL* ssl = link_.ssl.get();
  if (!ticketDue_) return false;
  ticketDue_ = false;
  bool able = SSL_is_server(ssl) && SSL_version(ssl) == TLS1_3_VERSION;
  return able && SSL_new_session_ticket(ssl) == 1;
}

void Relay::encrypt(size_t length) {
  SSL* ssl = link_.ssl.get();
  ERR_clear_error();
  bool tls13 = SSL_version(ssl) == TLS1_3_VERSION;
  beginTicket();
  uint64_t limit = link_.worker.limits().keyUpdateRecords;
  uint64_t out = link_.counters->recordsOut.value();
  uint64_t in = link_.counters->recordsIn.value();
  if (tls13 && (out - keyedAt_ >= limit || in - keyedInAt_ >= limit)) {
    bool both = in - keyedInAt_ >= limit;
    SSL_key_update(ssl, both ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
    keyedAt_ = out;
    if (both) keyedInAt_ = in;
  }
  size_t written = 0;
  if (SSL_write_ex(ssl, link_.worker.staging().plain(), length, &written) != 1) {
    broken(Failure::fromOpenSsl(link_.alerts));
  }
}

void Relay::flushNet() {
  if (netDead_) return link_.worker.staging().clearOutput();
  if (link_.toNet.empty() && link_.worker.staging().outputLength() == 0) return;
  switch (link_.flushNet()) {
    case Sent::kAll:
      return;
    case Sent::kSome:
      plainBurst_ = std::max<size_t>(plainBurst_ / 2, kSmallestBurst);
      return;
    case Sent::kNever:
      netDead_ = true;
      // Our close_notify towards a peer that has closed properly is nothing to miss.
      if (!(noticeSent_ && closedByPeer_)) peerReset_ = true;
  }
}

// ---- renewal

void Relay::hold() {
  held_ = true;
  programHeld_ = interrupted_ = false;
}

void Relay::release() {
  held_ = programHeld_ = interrupted_ = false;
  runBoth();
}

void Relay::sendOwn() {
  flushNet();
  settle();
}

bool Relay::mayRenew() const {
  return !end_ && !draining_ && !netEnded_ && !netDead_ && !plainEnded_ && !failure_;
}

void Relay::arm() {
  int epoll = link_.worker.epoll();
  uint32_t net = interest(mayPullNet(), !link_.toNet.empty());
  uint32_t plain = interest(mayPullPlain(), !toPlain_.empty() && !held_);
  // Once interrupted the handshake says what it waits for.
  bool ours = !interrupted() && (net || link_.netPolled.added());
  bool watched = !ours || link_.netPolled.want(epoll, link_.net.number(), net, netKey_);
  // Wanting nothing of the program still tells when it leaves.
  if (watched && (plain || !plainHungUp_)) {
    watched = link_.plainPolled.want(epoll, link_.plain.number(), plain, plainKey_);
  }
  if (!watched) end_ = {EndReason::kProtocolError, Failure::unwatched(link_.alerts)};
}

// ---- limits

bool Relay::allowPostHandshake() {
  uint64_t now = link_.worker.now();
  uint64_t seconds = (now - allowedAt_) / 1000;
  if (seconds > 0) {
    allowed_ = static_cast<uint32_t>(std::min<uint64_t>(allowed_ + seconds, kPostHandshakeBurst));
    allowedAt_ = now;
  }
  if (allowed_ > 0) {
    allowed_--;
    return true;
  }
  flooded_ = true;
  link_.worker.staging().dropWindow();
  return false;
}

}  // namespace tlspool::engine
