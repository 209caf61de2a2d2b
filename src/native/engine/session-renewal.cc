// What happens to a session after its handshake: a client is asked anew who it is, or asked by its
// server; keys are changed; TLS 1.2 is renegotiated.
//
// A renegotiation begins in the relay, as what the peer sent before it is still of before, and goes
// to the program as ever. At the first message that needs an answer OpenSSL is left, the relay
// stands still, and a Handshake goes on from there, parked like a first one.
#include <openssl/err.h>

#include "engine/certificates.h"
#include "engine/events.h"
#include "engine/session.h"

namespace tlspool::engine {

namespace {

/// Only with both does the peer stay the same one: RFC 5746 binds the handshake to the one of
/// before, and RFC 7627 what that one came to (the triple handshake attack).
bool mayRenegotiate(SSL* ssl) {
  return SSL_get_secure_renegotiation_support(ssl) == 1 && SSL_get_extms_support(ssl) == 1;
}

/// A peer that changes its keys may ask for ours; OpenSSL puts that off until the next data, and
/// would forget a CertificateRequest over it.
void changeKeysIfDue(SSL* ssl) {
  if (SSL_get_key_update_type(ssl) == SSL_KEY_UPDATE_NONE) return;
  SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED);
  SSL_do_handshake(ssl);
}

}  // namespace

Session::Renewing Session::renew(SessionOptions options) {
  bool runs = phase_ == Phase::kRelaying && !datagrams_;
  if (!runs || renewal_ || !relay_.mayRenew()) return Renewing::kBusy;
  ERR_clear_error();
  SSL* ssl = link_.ssl.get();
  bool tls13 = SSL_version(ssl) == TLS1_3_VERSION;
  Renewing outcome = tls13 ? askClient(options) : renegotiate(std::move(options));
  switch (outcome) {
    case Renewing::kAsked:
    case Renewing::kRekeyed:
    case Renewing::kRenegotiating:
      SSL_do_handshake(ssl);
      break;
    default:
      ERR_clear_error();
  }
  // Whatever came of it: what is left in the staging would go out by the next session of this thread.
  relay_.sendOwn();
  afterRelay();
  return outcome;
}

Session::Renewing Session::askClient(const SessionOptions& options) {
  SSL* ssl = link_.ssl.get();
  if (!SSL_is_server(ssl) || options.peer == PeerDemand::kIgnore) {
    bool changed = SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1;
    return changed ? Renewing::kRekeyed : Renewing::kBusy;
  }
  changeKeysIfDue(ssl);
  SSL_set_verify(ssl, verifyMode(options.peer), nullptr);
  if (SSL_verify_client_post_handshake(ssl) != 1) return Renewing::kUnable;
  beginRenewal(options.handshakeTimeout);
  return Renewing::kAsked;
}

Session::Renewing Session::renegotiate(SessionOptions options) {
  SSL* ssl = link_.ssl.get();
  if (!mayRenegotiate(ssl)) return Renewing::kInsecure;
  // What the program wrote until now goes to whom it was written to.
  relay_.runBoth();
  if (!relay_.mayRenew()) return Renewing::kBusy;
  options.role = SSL_is_server(ssl) ? Role::kServer : Role::kClient;
  options.serverName = serverName_;
  // Only this once, and from the beginning: without a context in its options the handshake takes no
  // ticket. It gives some if the first one did, as GnuTLS insists on that; what has no Resumption in
  // it is never resumed.
  SSL_clear_options(ssl, SSL_OP_NO_RENEGOTIATION);
  bool begun = SSL_renegotiate(ssl) == 1;
  SSL_set_options(ssl, SSL_OP_NO_RENEGOTIATION);
  if (!begun) return Renewing::kBusy;
  resumption_.reset();
  relay_.holdProgram();
  beginRenewal(options.handshakeTimeout);
  renewal_->options = std::make_unique<SessionOptions>(std::move(options));
  return Renewing::kRenegotiating;
}

void Session::beginRenewal(uint64_t timeout) {
  renewal_ = std::make_unique<Renewal>();
  if (timeout) renewal_->deadline = monotonicTime() + timeout;
  link_.worker.schedule(*this, nextTime());
}

int Session::onLateHello() const {
  return renewal_ ? SSL_CLIENT_HELLO_RETRY : SSL_CLIENT_HELLO_SUCCESS;
}

int Session::onLateCertificateRequest() {
  constexpr int kFail = 0;
  constexpr int kAskAgain = -1;
  if (renewal_) return kFail;
  beginRenewal(handshakeTimeout_);
  renewal_->options = std::make_unique<SessionOptions>();
  renewal_->options->role = Role::kClient;
  renewal_->options->ask = true;
  return kAskAgain;
}

int Session::onLateCertificate(X509_STORE_CTX* context) {
  SSL* ssl = link_.ssl.get();
  if (!renewal_ || renewal_->answered) return 0;
  if (!SSL_is_server(ssl)) return SSL_set_retry_verify(ssl) ? 1 : 0;
  renewal_->chain = toDer(X509_STORE_CTX_get0_untrusted(context));
  return 1;
}

/// From where the relay left it.
void Session::goOnRenewing() {
  if (phase_ == Phase::kRenewing) return;
  phase_ = Phase::kRenewing;
  // Nobody is idle meanwhile.
  deadline_ = 0;
  handshake_ = std::make_unique<Handshake>(link_, id(), std::move(renewal_->options),
                                           Handshake::Kind::kRenewing);
  handshake_->takeUp();
  shake();
}

void Session::finishRenewal() {
  SSL* ssl = link_.ssl.get();
  Established established = handshake_->established();
  handshake_.reset();
  phase_ = Phase::kRelaying;
  shown_ = established.credential;
  node::postEvent(std::make_unique<EstablishedEvent>(id(), std::move(established)));
  bool asked = SSL_version(ssl) == TLS1_3_VERSION;
  if (asked) {
    // Who we are was for us to say: there is nothing to judge. Tickets tell it, too, from now on, and are not for
    // those who may be only what we were before.
    if (shown_) resumption_.reset();
    renewal_.reset();
    relay_.release();
  } else {
    renewal_->answered = renewal_->judging = true;
    relay_.hold();
    relay_.sendOwn();
  }
  scheduleEnd();
  afterRelay();
}

void Session::judgeRenewal() {
  SSL* ssl = link_.ssl.get();
  if (SSL_in_init(ssl)) return;
  renewal_->judging = true;
  node::postEvent(std::make_unique<VerifyPeerEvent>(id(), std::move(renewal_->chain), node::Bytes(),
                                                    agreedSoFar(ssl, shown_)));
}

}  // namespace tlspool::engine
