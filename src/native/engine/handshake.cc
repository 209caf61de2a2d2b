#include "engine/handshake.h"

#include <openssl/err.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "engine/alerts.h"
#include "engine/departing-alert.h"
#include "engine/tls-context.h"
#include "token/key.h"

namespace tlspool::engine {

namespace {

/// Wakes the session of a parked handshake through its worker, which outlives all sessions.
class SessionWaker final : public async::Waker {
 public:
  SessionWaker(Worker& worker, SessionId id) : worker_(worker), id_(id) {}

  void wake() override { worker_.wake(id_); }
  bool cancelled() const override { return cancelled_; }
  uint64_t owner() const override { return id_; }
  void cancel() { cancelled_ = true; }

 private:
  Worker& worker_;
  const SessionId id_;
  std::atomic<bool> cancelled_{false};
};

int64_t epochTime() { return static_cast<int64_t>(time(nullptr)); }

}  // namespace

int verifyMode(PeerDemand demand) {
  switch (demand) {
    case PeerDemand::kIgnore:
      return SSL_VERIFY_NONE;
    case PeerDemand::kRequest:
      return SSL_VERIFY_PEER;
    default:
      return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  }
}

Handshake::Handshake(Link& link, SessionId id, std::unique_ptr<SessionOptions> options, Kind kind)
    : link_(link), id_(id), kind_(kind), options_(std::move(options)) {}

Handshake::~Handshake() { cancel(); }

bool Handshake::prepare(void* data) {
  ERR_clear_error();
  link_.ssl = TlsContext::instance().newConnection(options_->role, options_->transport);
  SSL* ssl = link_.ssl.get();
  BIO* bio = link_.datagrams ? link_.datagrams->newBio(ssl) : Staging::newBio();
  if (!ssl || !bio) {
    BIO_free(bio);
    end_ = {EndReason::kHandshakeFailed, Failure::fromOpenSsl(link_.alerts)};
    return false;
  }
  SSL_set_bio(ssl, bio, bio);
  SSL_set_app_data(ssl, data);
  SSL_set_msg_callback_arg(ssl, data);
  SSL_set_mode(ssl, SSL_MODE_ASYNC);
  if (options_->role == Role::kServer) {
    SSL_set_accept_state(ssl);
    awaitsCookie_ = link_.datagrams != nullptr;
    return true;
  }
  SSL_set_connect_state(ssl);
  if (prepareClient()) return true;
  end_ = {EndReason::kHandshakeFailed, Failure::fromOpenSsl(link_.alerts)};
  return false;
}

void Handshake::takeUp() { SSL_set_mode(link_.ssl.get(), SSL_MODE_ASYNC); }

bool Handshake::answersLate() const {
  SSL* ssl = link_.ssl.get();
  return kind_ == Kind::kRenewing && !SSL_is_server(ssl) && SSL_version(ssl) == TLS1_3_VERSION;
}

bool Handshake::prepareClient() {
  SSL* ssl = link_.ssl.get();
  SSL_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
  SSL_set_post_handshake_auth(ssl, 1);
  SSL_set_tlsext_status_type(ssl, TLSEXT_STATUSTYPE_ocsp);
  if (!options_->serverName.empty() &&
      SSL_set_tlsext_host_name(ssl, options_->serverName.c_str()) != 1) {
    return false;
  }
  if (!options_->alpn.empty() &&
      SSL_set_alpn_protos(ssl, options_->alpn.data(),
                          static_cast<unsigned>(options_->alpn.size())) != 0) {
    return false;
  }
  if (!context() && !options_->ask) SSL_set_options(ssl, SSL_OP_NO_TICKET);
  if (!context()) return true;
  ClientSessions& sessions = TlsContext::instance().clientSessions();
  ClientSessions::Entry entry = sessions.take(options_->serverName, *context(), epochTime());
  if (entry.session && SSL_set_session(ssl, entry.session.get()) == 1) {
    offered_ = std::move(entry.resumption);
  }
  return true;
}

const std::optional<ResumptionContext>& Handshake::context() const {
  // Over datagrams nothing is resumed.
  static constexpr std::optional<ResumptionContext> kNone;
  if (link_.datagrams) return kNone;
  return options_->local.resumption ? options_->local.resumption : options_->resumption;
}

PeerDemand Handshake::demand() const {
  if (options_->role == Role::kClient) return PeerDemand::kRequire;
  return options_->local.peer.value_or(options_->peer);
}

Handshake::Step Handshake::advance() {
  SSL* ssl = link_.ssl.get();
  if (link_.datagrams) link_.datagrams->beginTurn();
  if (awaitsCookie_ && !meetsClient()) return end_.failure ? Step::kFailed : Step::kWaiting;
  for (;;) {
    ERR_clear_error();
    if (!waker_) waker_ = std::make_shared<SessionWaker>(link_.worker, id_);
    async::setCurrentWaker(waker_);
    link_.openWindow();
    parked_ = waitsForStack_ = false;
    int result = SSL_do_handshake(ssl);
    int error = result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl, result);
    async::setCurrentWaker(nullptr);
    link_.closeWindow();
    link_.flushNet();
    switch (error) {
      case SSL_ERROR_NONE:
        return finish();
      case SSL_ERROR_WANT_READ:
        if (receiveMore()) continue;
        return end_.failure ? Step::kFailed : Step::kWaiting;
      case SSL_ERROR_WANT_ASYNC:
        parked_ = true;
        return Step::kWaiting;
      case SSL_ERROR_WANT_ASYNC_JOB:
        waitsForStack_ = true;
        return Step::kWaiting;
      case SSL_ERROR_WANT_CLIENT_HELLO_CB:
      case SSL_ERROR_WANT_X509_LOOKUP:
        return Step::kWaiting;
      default:
        return failed();
    }
  }
}

/// False if there is nothing to read now, or never again: then `end_` says why.
bool Handshake::receiveMore() {
  if (link_.datagrams) {
    checkDatagrams();
    return false;
  }
  ssize_t got = link_.receiveNet(kSmallestBurst);
  if (got > 0) {
    link_.closeWindow();
    return true;
  }
  if (got < 0 && errno == EAGAIN) return false;
  const char* reason = got == 0 ? "the peer closed the connection during the handshake"
                                : "the peer reset the connection during the handshake";
  end_ = {EndReason::kHandshakeFailed, Failure::lostConnection(link_.alerts, reason)};
  return false;
}

Handshake::Step Handshake::failed() {
  Failure failure = Failure::fromOpenSsl(link_.alerts);
  EndReason reason = EndReason::kHandshakeFailed;
  if (refusal_) {
    reason = EndReason::kRefused;
    failure = Failure::local(link_.alerts, refusal_->reason);
  } else if (!localReason_.empty()) {
    failure = Failure::local(link_.alerts, localReason_);
  }
  end_ = {reason, std::move(failure)};
  return Step::kFailed;
}

Handshake::Step Handshake::finish() {
  SSL* ssl = link_.ssl.get();
  if (refusal_) {
    departing_alert::send(ssl, refusal_->alert);
    link_.flushNet();
    return failed();
  }
  SSL_clear_mode(ssl, SSL_MODE_ASYNC);
  return Step::kEstablished;
}

Established Handshake::established() const {
  SSL* ssl = link_.ssl.get();
  Established result;
  result.version = versionName(ssl);
  result.cipher = SSL_CIPHER_get_name(SSL_get_current_cipher(ssl));
  result.resumed = SSL_session_reused(ssl);
  const char* group = SSL_get0_group_name(ssl);
  bool fresh = !result.resumed || SSL_version(ssl) == TLS1_3_VERSION;
  if (group && fresh) result.group = group;
  const unsigned char* alpn = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(ssl, &alpn, &length);
  result.alpn.assign(reinterpret_cast<const char*>(alpn), length);
  result.credential = result.resumed && !answersLate() ? 0 : shown_;
  auto kept = resumption();
  result.peerName = kept ? kept->peerName : peerName_;
  return result;
}

std::unique_ptr<Resumption> Handshake::resumption() const {
  if (!context()) return nullptr;
  SSL* ssl = link_.ssl.get();
  if (SSL_session_reused(ssl)) {
    auto then =
        options_->role == Role::kServer ? Resumption::readFrom(SSL_get_session(ssl)) : offered_;
    return then ? std::make_unique<Resumption>(*then) : nullptr;
  }
  auto now = std::make_unique<Resumption>();
  now->context = *context();
  now->asked = demand() != PeerDemand::kIgnore;
  now->peerName = peerName_;
  now->until = peerUntil_;
  now->shown = peerShown_;
  return now;
}

bool Handshake::chooseLocal(LocalChoice choice) {
  if (asked_ != Question::kHello && asked_ != Question::kCertificate) return false;
  answer_ = Answer::kYes;
  options_->local = std::move(choice);
  return true;
}

bool Handshake::acceptPeer(std::string name, int64_t until) {
  if (asked_ != Question::kVerify) return false;
  answer_ = Answer::kYes;
  peerName_ = std::move(name);
  peerUntil_ = until;
  return true;
}

bool Handshake::refuse(int alert, std::string reason) {
  refusal_ = Refusal{alert, std::move(reason)};
  if (asked_ != Question::kNone) {
    answer_ = Answer::kNo;
    return true;
  }
  if (parked_) {
    static_cast<SessionWaker&>(*waker_).cancel();
    return true;
  }
  end_ = {EndReason::kRefused, Failure::local(link_.alerts, refusal_->reason)};
  return false;
}

void Handshake::cancel() {
  if (!parked_) return;
  static_cast<SessionWaker&>(*waker_).cancel();
  while (parked_) {
    ERR_clear_error();
    async::setCurrentWaker(waker_);
    link_.openWindow();
    int result = SSL_do_handshake(link_.ssl.get());
    parked_ = result != 1 && SSL_get_error(link_.ssl.get(), result) == SSL_ERROR_WANT_ASYNC;
    async::setCurrentWaker(nullptr);
    link_.closeWindow();
    link_.flushNet();
  }
  ERR_clear_error();
  // That the token was not waited for is nothing that the next failure on this thread would be about.
  token::takeLastFailure();
}

}  // namespace tlspool::engine
