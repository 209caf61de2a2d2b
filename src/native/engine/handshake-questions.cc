// The points of a handshake at which the brain decides.
#include <openssl/err.h>

#include <ctime>

#include "engine/alerts.h"
#include "engine/certificates.h"
#include "engine/handshake.h"

namespace tlspool::engine {

namespace {

std::vector<uint16_t> peerSchemes(SSL* ssl) {
  std::vector<uint16_t> schemes;
  int count = SSL_get_sigalgs(ssl, -1, nullptr, nullptr, nullptr, nullptr, nullptr);
  for (int i = 0; i < count; i++) {
    unsigned char signature = 0;
    unsigned char hash = 0;
    SSL_get_sigalgs(ssl, i, nullptr, nullptr, nullptr, &signature, &hash);
    schemes.push_back(static_cast<uint16_t>(hash << 8 | signature));
  }
  return schemes;
}

std::vector<node::Bytes> peerAuthorities(SSL* ssl) {
  std::vector<node::Bytes> names;
  const STACK_OF(X509_NAME)* list = SSL_get0_peer_CA_list(ssl);
  for (int i = 0; i < sk_X509_NAME_num(list); i++) {
    const unsigned char* der = nullptr;
    size_t length = 0;
    if (X509_NAME_get0_der(sk_X509_NAME_value(list, i), &der, &length) == 1) {
      names.emplace_back(der, der + length);
    }
  }
  return names;
}

node::Bytes stapledResponse(SSL* ssl) {
  const unsigned char* response = nullptr;
  long length = SSL_get_tlsext_status_ocsp_resp(ssl, &response);
  return length > 0 && response ? node::Bytes(response, response + length) : node::Bytes();
}

std::string serverNameInClear(SSL* ssl) {
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  return name ? name : "";
}

}  // namespace

void Handshake::ask(Question question, std::unique_ptr<node::Event> event) {
  asked_ = question;
  answer_ = Answer::kNone;
  node::postEvent(std::move(event));
}

int Handshake::onClientHello(int* alert) {
  if (helloDone_) return SSL_CLIENT_HELLO_SUCCESS;  // the second one, after HelloRetryRequest
  ClientHello hello = ClientHello::read(link_.ssl.get());
  if (!hello.modern) return SSL_CLIENT_HELLO_SUCCESS;  // OpenSSL refuses the version next
  if (kind_ == Kind::kRenewing) hello.tls13 = false;   // it stays what it is, whatever is offered
  if (asked_ == Question::kHello) {
    if (answer_ == Answer::kNone) return SSL_CLIENT_HELLO_RETRY;
    asked_ = Question::kNone;
    if (answer_ == Answer::kNo) {
      *alert = refusal_->alert;
      return SSL_CLIENT_HELLO_ERROR;
    }
  } else if (options_->ask) {
    ask(Question::kHello, std::make_unique<HelloEvent>(id_, hello));
    return SSL_CLIENT_HELLO_RETRY;
  }
  helloDone_ = true;
  if (applyChoice(hello)) return SSL_CLIENT_HELLO_SUCCESS;
  *alert = SSL_AD_HANDSHAKE_FAILURE;
  return SSL_CLIENT_HELLO_ERROR;
}

bool Handshake::applyChoice(const ClientHello& hello) {
  SSL* ssl = link_.ssl.get();
  for (const auto& credential : options_->local.credentials) {
    if (!credential->suits(hello)) continue;
    if (!credential->use(ssl)) return false;
    shown_ = credential->handle();
    break;
  }
  if (!shown_) {
    localReason_ = options_->local.credentials.empty()
                       ? "there is no certificate to show"
                       : "none of our certificates suits what the client can use";
    return false;
  }
  if (kind_ == Kind::kFirst) applyResumption();
  SSL_set_verify(ssl, verifyMode(demand()), nullptr);
  return true;
}

void Handshake::applyResumption() {
  static constexpr ResumptionContext kNone{};
  SSL* ssl = link_.ssl.get();
  const ResumptionContext& shown = context() ? *context() : kNone;
  SSL_set_session_id_context(ssl, shown.data(), shown.size());
  if (!context()) SSL_set_options(ssl, SSL_OP_NO_TICKET);
}

int Handshake::onCertificateRequest() {
  constexpr int kFail = 0;
  constexpr int kGoOn = 1;
  constexpr int kAskAgain = -1;
  SSL* ssl = link_.ssl.get();
  std::vector<uint16_t> schemes = peerSchemes(ssl);
  if (asked_ == Question::kCertificate) {
    if (answer_ == Answer::kNone) return kAskAgain;
    asked_ = Question::kNone;
    if (answer_ == Answer::kNo) return kFail;
  } else if (options_->ask) {
    ask(Question::kCertificate,
        std::make_unique<CertificateRequestedEvent>(id_, std::move(schemes), peerAuthorities(ssl)));
    return kAskAgain;
  }
  SSL_certs_clear(ssl);  // what was shown in a handshake of before is not shown by itself
  for (const auto& credential : options_->local.credentials) {
    if (!credential->suits(schemes, SSL_version(ssl) == TLS1_3_VERSION)) continue;
    if (!credential->use(ssl)) return kFail;
    shown_ = credential->handle();
    return kGoOn;
  }
  return kGoOn;
}

int Handshake::onVerify(X509_STORE_CTX* context) {
  constexpr int kRefuse = 0;
  constexpr int kGoOn = 1;
  SSL* ssl = link_.ssl.get();
  ask(Question::kVerify,
      std::make_unique<VerifyPeerEvent>(id_, toDer(X509_STORE_CTX_get0_untrusted(context)),
                                        stapledResponse(ssl), agreedSoFar(ssl, shown_)));
  async::parkUntil([this] { return answer_ != Answer::kNone; });
  asked_ = Question::kNone;
  if (answer_ == Answer::kYes) {
    peerShown_ = true;
    return kGoOn;
  }
  int error = X509_V_ERR_APPLICATION_VERIFICATION;
  if (refusal_) {
    int fitting = verifyErrorFor(refusal_->alert);
    // OpenSSL cannot send this alert from here; `finish` can.
    bool later = fitting < 0 && SSL_is_server(ssl) && SSL_version(ssl) == TLS1_3_VERSION;
    if (later) return kGoOn;
    if (fitting >= 0) error = fitting;
  }
  X509_STORE_CTX_set_error(context, error);
  return kRefuse;
}

Agreed agreedSoFar(SSL* ssl, CredentialHandle shown) {
  Agreed result;
  result.version = versionName(ssl);
  // In TLS 1.2 the suite is current only once keys are changed; until then the one of before is.
  bool pending = SSL_version(ssl) != TLS1_3_VERSION && SSL_get_pending_cipher(ssl);
  const SSL_CIPHER* cipher = pending ? SSL_get_pending_cipher(ssl) : SSL_get_current_cipher(ssl);
  if (cipher) result.cipher = SSL_CIPHER_get_name(cipher);
  if (const char* group = SSL_get0_group_name(ssl)) result.group = group;
  result.serverName = serverNameInClear(ssl);
  result.credential = SSL_is_server(ssl) ? shown : 0;
  return result;
}

int Handshake::onStatusRequest() {
  SSL* ssl = link_.ssl.get();
  for (const auto& credential : options_->local.credentials) {
    if (credential->handle() != shown_) continue;
    return credential->staple(ssl) ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
  }
  return SSL_TLSEXT_ERR_NOACK;
}

int Handshake::onAlpn(const unsigned char** chosen, unsigned char* length,
                      const unsigned char* offered, unsigned offeredLength) {
  if (options_->alpn.empty()) return SSL_TLSEXT_ERR_NOACK;
  unsigned char* found = nullptr;
  int outcome =
      SSL_select_next_proto(&found, length, options_->alpn.data(),
                            static_cast<unsigned>(options_->alpn.size()), offered, offeredLength);
  if (outcome != OPENSSL_NPN_NEGOTIATED) {
    localReason_ = "no application protocol (ALPN) in common";
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

SSL_TICKET_RETURN Handshake::onTicket(SSL_SESSION* session, SSL_TICKET_STATUS status) {
  if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) {
    return SSL_TICKET_RETURN_IGNORE_RENEW;
  }
  auto kept = Resumption::readFrom(session);
  if (!context() || !kept || !kept->holdsFor(*context(), demand(), time(nullptr))) {
    return SSL_TICKET_RETURN_IGNORE_RENEW;
  }
  return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

}  // namespace tlspool::engine
