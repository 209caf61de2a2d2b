// A TLS handshake from the first byte to the last: it drives SSL_do_handshake, puts OpenSSL's
// questions to the brain, and is parked while it waits for an answer or for a signature. Freed when
// it is done.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <string>

#include "async/park.h"
#include "engine/client-keys.h"
#include "engine/end.h"
#include "engine/events.h"
#include "engine/link.h"
#include "engine/resumption.h"
#include "engine/session-options.h"

namespace tlspool::engine {

/// How OpenSSL asks a peer, as SSL_set_verify has it.
int verifyMode(PeerDemand demand);

/// What is known of the peer's side of it, now that it shows a certificate.
Agreed agreedSoFar(SSL* ssl, CredentialHandle shown);

class Handshake {
 public:
  /// `kRenewing`: one that began in an established connection, by a renegotiation (RFC 5746) or
  /// because the server asks who the client is (RFC 8446 section 4.6.2).
  enum class Kind : uint8_t { kFirst, kRenewing };

  Handshake(Link& link, SessionId id, std::unique_ptr<SessionOptions> options,
            Kind kind = Kind::kFirst);
  ~Handshake();

  /// The first one: makes the TLS connection; `data` is given back by SSL_get_app_data. False: see
  /// `end`.
  bool prepare(void* data);
  /// One that is under way.
  void takeUp();

  enum class Step : uint8_t { kWaiting, kEstablished, kFailed };
  /// Goes on as far as it can. Call it when the socket is ready, after an answer, and from
  /// `resume`.
  Step advance();

  /// Whether only an answer or a signature, not the socket, can bring it further.
  bool waitsForOthers() const { return parked_ || asked_ != Question::kNone; }
  /// Whether the peer has nothing more to say in this handshake, so that the end of its stream is
  /// no reason to give up.
  bool peerHasFinished() const {
    return answersLate() || (asked_ == Question::kVerify && options_->role == Role::kServer);
  }
  /// Client: it was asked after the handshake who it is.
  bool answersLate() const;
  /// All it waits for is a free stack for a job (see kParkedPerThread).
  bool waitsForStack() const { return waitsForStack_; }

  // Answers. False without a question that they fit; else `advance` is next.
  bool chooseLocal(LocalChoice choice);
  bool acceptPeer(std::string name, int64_t until);
  /// Fits always. False if there is nothing to advance: it has failed.
  bool refuse(int alert, std::string reason);

  /// DTLS: whether an error of the socket means that the peer is gone.
  bool hasLostPeer();
  /// DTLS: ms until what was sent last is sent again, as no answer came; nothing while there is
  /// nothing to repeat, or only an answer or a signature can bring it further.
  std::optional<uint64_t> retransmitsIn() const;
  /// Sends it again if it is time.
  Step retransmit();

  /// Lets parked work run to its end, so that the TLS connection can be freed.
  void cancel();

  /// Why it failed.
  const End& end() const { return end_; }
  /// What was agreed on.
  Established established() const;
  /// What tickets of this session shall say; nothing if it is not to be resumed.
  std::unique_ptr<Resumption> resumption() const;
  const SessionOptions& options() const { return *options_; }

  // OpenSSL's questions, see handshake-callbacks.cc.
  int onClientHello(int* alert);
  int onCertificateRequest();
  int onVerify(X509_STORE_CTX* context);
  /// Servers: the client would like an OCSP response for our certificate.
  int onStatusRequest();
  int onAlpn(const unsigned char** chosen, unsigned char* length, const unsigned char* offered,
             unsigned offeredLength);
  SSL_TICKET_RETURN onTicket(SSL_SESSION* session, SSL_TICKET_STATUS status);
  /// DTLS servers: see cookie.h.
  bool onCookieNeeded(unsigned char* cookie, unsigned* length) const;
  bool onCookieShown(const unsigned char* cookie, unsigned length) const;
  /// A handshake message of the peer, before OpenSSL acts upon it.
  void onMessage(const unsigned char* message, size_t length) {
    keys_.received(link_.ssl.get(), message, length);
  }

 private:
  enum class Question : uint8_t { kNone, kHello, kCertificate, kVerify };
  enum class Answer : uint8_t { kNone, kYes, kNo };
  struct Refusal {
    int alert;
    std::string reason;
  };

  bool prepareClient();
  bool applyChoice(const ClientHello& hello);
  void applyResumption();
  void ask(Question question, std::unique_ptr<node::Event> event);
  Step failed();
  Step finish();
  bool receiveMore();
  bool meetsClient();
  node::Bytes ownCookie() const;
  void checkDatagrams();
  const std::optional<ResumptionContext>& context() const;
  PeerDemand demand() const;

  Link& link_;
  const SessionId id_;
  const Kind kind_;
  std::unique_ptr<SessionOptions> options_;
  std::shared_ptr<async::Waker> waker_;
  End end_;

  ClientKeys keys_;
  bool parked_ = false;
  bool waitsForStack_ = false;
  bool helloDone_ = false;
  /// DTLS servers: the client has not proved yet that it is where its datagrams come from.
  bool awaitsCookie_ = false;
  Question asked_ = Question::kNone;
  Answer answer_ = Answer::kNone;
  std::optional<Refusal> refusal_;
  /// Our own reason for a failure that OpenSSL has no word for.
  std::string localReason_;

  CredentialHandle shown_ = 0;
  std::string peerName_;
  int64_t peerUntil_ = 0;
  bool peerShown_ = false;
  /// Client: what was known of the session that we offered to resume.
  std::optional<Resumption> offered_;
};

}  // namespace tlspool::engine
