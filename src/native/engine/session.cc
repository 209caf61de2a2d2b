#include "engine/session.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include "engine/departing-alert.h"
#include "engine/engine.h"
#include "engine/events.h"
#include "engine/lingering.h"
#include "engine/resetting.h"
#include "engine/tls-context.h"

namespace tlspool::engine {

namespace {

/// A handshake flight and a small answer are each sent at once; waiting for more to send along
/// (Nagle) would only delay them. Fails on UNIX sockets, which need no such thing.
void sendAtOnce(int fd) {
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace

Session::Session(Worker& worker, SessionId id, std::unique_ptr<SessionOptions> options,
                 std::shared_ptr<Counters> counters)
    : Resident(id),
      link_(worker, std::move(counters)),
      handshakeTimeout_(options->handshakeTimeout),
      idleTimeout_(options->idleTimeout),
      relay_(link_) {
  link_.net = std::move(options->net);
  link_.plain = std::move(options->plain);
  if (options->handshakeTimeout) deadline_ = monotonicTime() + options->handshakeTimeout;
  if (options->role == Role::kClient) serverName_ = options->serverName;
  if (options->transport == Transport::kDatagrams) {
    link_.datagrams =
        std::make_unique<DatagramSocket>(link_.net.number(), link_.counters->lostOut);
    link_.datagrams->give(std::move(options->hello.datagram));
    datagrams_ = std::make_unique<DatagramRelay>(link_);
  }
  handshake_ = std::make_unique<Handshake>(link_, id, std::move(options));
  traffic().setEpollKeys(key(Side::kNet), key(Side::kPlain));
}

Session::~Session() = default;

void Session::begin() {
  if (!link_.datagrams) sendAtOnce(link_.net.number());
  link_.worker.schedule(*this, deadline_);
  if (!handshake_->prepare(this)) return end(handshake_->end());
  shake();
}

// ---- events

void Session::ready(Side side, uint32_t events) {
  switch (phase_) {
    case Phase::kRenewing:
      if (side == Side::kPlain) {
        relay_.run(side, events);
        if (relay_.end()) end(*relay_.end());
        return;
      }
      [[fallthrough]];
    case Phase::kShaking:
      if (events & EPOLLOUT) link_.flushNet();
      return handshake_->waitsForOthers() ? readyWhileParked(events) : shake();
    case Phase::kAwaitingPlain:
      // What came is for later.
      if (events & EPOLLOUT) link_.flushNet();
      return armAwaiting();
    case Phase::kRelaying:
      traffic().run(side, events);
      return afterRelay();
    case Phase::kGone:
      return;
  }
}

void Session::resume() {
  if (handshake_) {
    if (handshake_->waitsForOthers() || handshake_->waitsForStack()) shake();
    return;
  }
  if (phase_ != Phase::kRelaying || !traffic().wantsTurn()) return;
  traffic().runBoth();
  afterRelay();
}

void Session::due() {
  uint64_t now = link_.worker.now();
  if (renewal_ && renewal_->deadline && now >= renewal_->deadline) {
    return end({EndReason::kHandshakeTimeout,
                Failure::local(link_.alerts, "who is who was not shown in time, when it was asked anew")});
  }
  if (now < nextTime()) link_.worker.schedule(*this, nextTime());
  if (handshake_ && handshake_->waitsForStack()) shake();
  if (phase_ == Phase::kShaking && retransmission_ && now >= retransmission_) retransmit();
  if (!deadline_ || now < deadline_) return;
  if (phase_ == Phase::kShaking || phase_ == Phase::kAwaitingPlain) {
    if (handshake_) handshake_->cancel();
    return end({EndReason::kHandshakeTimeout,
                Failure::local(link_.alerts, "the handshake took too long")});
  }
  if (phase_ != Phase::kRelaying) return;
  uint64_t limit = lingering_ ? kLingerTime : idleTimeout_;
  if (traffic().lastActive() + limit > now) return scheduleEnd();
  if (!lingering_) return end({EndReason::kIdleTimeout, std::nullopt});
  traffic().giveUp();
  afterRelay();
}

void Session::abandon() {
  if (handshake_) handshake_->cancel();
  end({EndReason::kEnded, std::nullopt}, Manner::kAbrupt);
}

void Session::afterRelay() {
  if (traffic().end()) return end(*traffic().end());
  if (relay_.interrupted()) return goOnRenewing();
  if (renewal_ && renewal_->answered && !renewal_->judging) judgeRenewal();
  if (traffic().wantsTurn()) link_.worker.again(*this);
  if (traffic().lingers() && !lingering_) {
    lingering_ = true;
    scheduleEnd();
  }
}

/// Deadlines of an established session count from its last activity; a later one is set when this
/// one has come.
void Session::scheduleEnd() {
  uint64_t limit = lingering_ ? kLingerTime : idleTimeout_;
  uint64_t now = link_.worker.now();
  uint64_t active = traffic().lastActive();
  uint64_t from = lingering_ || !active ? now : active;
  deadline_ = limit ? from + limit : 0;
  link_.worker.schedule(*this, nextTime());
}

/// The earliest one of those that matter; 0: none.
uint64_t Session::nextTime() const {
  uint64_t next = 0;
  for (uint64_t time : {deadline_, renewal_ ? renewal_->deadline : 0, retransmission_}) {
    if (time && (!next || time < next)) next = time;
  }
  return next;
}

// ---- the brain

void Session::chooseLocal(LocalChoice choice) {
  if (handshake_ && handshake_->chooseLocal(std::move(choice))) shake();
}

void Session::acceptPeer(std::string name, int64_t until) {
  if (handshake_) {
    if (handshake_->acceptPeer(std::move(name), until)) shake();
    return;
  }
  if (phase_ != Phase::kRelaying || !renewal_ || !renewal_->judging) return;
  renewal_.reset();
  // Tickets would tell of whom it was before.
  resumption_.reset();
  relay_.breakTicketPromise();
  relay_.release();
  afterRelay();
}

void Session::refuse(int alert, std::string reason) {
  if (handshake_) {
    if (handshake_->refuse(alert, std::move(reason))) return shake();
    return end(handshake_->end());
  }
  if (phase_ != Phase::kAwaitingPlain && phase_ != Phase::kRelaying) return;
  departing_alert::send(link_.ssl.get(), alert);
  link_.flushNet();
  end({EndReason::kRefused, Failure::local(link_.alerts, std::move(reason))});
}

void Session::attach(socket::Descriptor plain) {
  if (phase_ == Phase::kGone || link_.plain) return;
  link_.plain = std::move(plain);
  if (phase_ == Phase::kAwaitingPlain) startRelay();
}

void Session::drain() {
  if (phase_ != Phase::kRelaying) return abandon();
  traffic().drain();
  afterRelay();
}

// ---- end

void Session::end(End end, Manner manner) {
  if (phase_ == Phase::kGone) return;
  // Somebody waits to hear what became of a handshake or a renewal; of a session that was in use
  // only what is written down about it is left to do.
  bool awaited = phase_ != Phase::kRelaying || renewal_;
  bool streams = !datagrams_ && (phase_ == Phase::kRelaying || phase_ == Phase::kRenewing);
  phase_ = Phase::kGone;
  Worker& worker = link_.worker;
  SSL* ssl = established();
  bool noticed = ssl && (SSL_get_shutdown(ssl) & SSL_SENT_SHUTDOWN);
  if (manner == Manner::kProper && ssl && !noticed && !streams) {
    ERR_clear_error();
    SSL_shutdown(ssl);
    link_.flushNet();
  }
  handshake_.reset();
  link_.ssl.reset();
  ERR_clear_error();
  worker.remove(id());
  bool told = noticed || (end.failure && end.failure->alertSent);
  leavePlain(streams, manner);
  leaveNet(streams && !told, manner);
  auto closed =
      std::make_unique<ClosedEvent>(id(), std::move(end), link_.counters, Engine::forgetSession);
  if (awaited) return node::postEvent(std::move(closed));
  node::queueEvent(std::move(closed));
  worker.deliverSoon();
}

void Session::leavePlain(bool wasInUse, Manner manner) {
  if (!wasInUse || !relay_.resetsProgram()) return link_.closePlain();
  Resetting::begin(link_.worker, id(), Side::kPlain, link_.takePlain(), {},
                   manner == Manner::kAbrupt ? 0 : kResetPatience);
}

/// @param cut the peer has not been told that this is the end of all
void Session::leaveNet(bool cut, Manner manner) {
  bool abrupt = manner == Manner::kAbrupt;
  if (cut) {
    return Resetting::begin(link_.worker, id(), Side::kNet, link_.takeNet(),
                            std::move(link_.toNet), abrupt ? 0 : kLingerTime);
  }
  if (abrupt || datagrams_) return link_.closeNet();
  Lingering::begin(link_.worker, id(), std::move(link_.net), link_.netPolled,
                   std::move(link_.toNet));
}

// ---- OpenSSL

void Session::observe(bool write, int contentType, const unsigned char* data, size_t length) {
  switch (contentType) {
    case SSL3_RT_HEADER:
      (write ? link_.counters->recordsOut : link_.counters->recordsIn).add(1);
      return;
    case SSL3_RT_ALERT:
      if (length == 2 && data[1] != SSL_AD_CLOSE_NOTIFY) {
        (write ? link_.alerts.sent : link_.alerts.received) = data[1];
      }
      return;
    case SSL3_RT_HANDSHAKE:
      if (write) return;
      if (phase_ == Phase::kShaking) {
        if (handshake_) handshake_->onMessage(data, length);
      } else if (!handshake_) {
        relay_.allowPostHandshake();
        if (renewal_ && length > 0 && data[0] == SSL3_MT_FINISHED) {
          renewal_->answered = true;
          relay_.hold();
        }
      }
      return;
    default:
      return;
  }
}

bool Session::writeTicket(SSL_SESSION* session) const {
  auto during = handshake_ ? handshake_->resumption() : nullptr;
  const Resumption* kept = during ? during.get() : resumption_.get();
  return !kept || kept->writeTo(session);
}

bool Session::keepClientSession(SSL_SESSION* session) const {
  auto during = handshake_ ? handshake_->resumption() : nullptr;
  const Resumption* kept = during ? during.get() : resumption_.get();
  if (!kept || !kept->shown || !SSL_SESSION_is_resumable(session)) return false;
  TlsContext::instance().clientSessions().put(serverName_, {TlsSessionPointer(session), *kept});
  return true;  // the reference is ours now
}

}  // namespace tlspool::engine
