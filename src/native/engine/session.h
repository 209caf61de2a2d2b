// One session: from a received descriptor, through the handshake, to the end of copying.
//
//   shaking → awaitingPlain → relaying → (gone, its socket lingering for a moment)
//                              ⇅
//                           renewing
//
// session-renewal.cc has what happens in an established one.
#pragma once

#include <memory>
#include <vector>

#include "engine/handshake.h"
#include "engine/link.h"
#include "engine/datagram-relay.h"
#include "engine/relay.h"
#include "engine/resumption.h"
#include "engine/session-options.h"
#include "engine/worker.h"

namespace tlspool::engine {

class Session final : public Resident {
 public:
  Session(Worker& worker, SessionId id, std::unique_ptr<SessionOptions> options,
          std::shared_ptr<Counters> counters);
  ~Session() override;

  /// Called once, when it lives on its worker.
  void begin();

  void ready(Side side, uint32_t events) override;
  void due() override;
  void resume() override;
  void abandon() override;

  // What the brain says, see Engine in src/core/engine/engine.ts. What does not fit is ignored: the
  // session may have gone on meanwhile.
  void chooseLocal(LocalChoice choice);
  void acceptPeer(std::string name, int64_t until);
  void refuse(int alert, std::string reason);
  void attach(socket::Descriptor plain);
  void drain();

  /// What came of `renew`.
  enum class Renewing : uint8_t {
    /// The client was asked who it is: `verifyPeer` tells what it showed, which may be nothing.
    kAsked,
    /// Keys are changed, and nobody is asked anything.
    kRekeyed,
    /// TLS 1.2 is renegotiated: events come as in a first handshake.
    kRenegotiating,
    /// The session is not in the middle of its life, or is renewed already.
    kBusy,
    /// The client did not say that it can be asked after the handshake (RFC 8446 section 4.2.6).
    kUnable,
    /// In TLS 1.2 the peer lacks what binds a renegotiation to what was before it: the renegotiation
    /// indication (RFC 5746), or the extended master secret (RFC 7627).
    kInsecure,
  };
  /// Asks a client anew who it is, changes the keys of both directions, or renegotiates.
  /// @param options whom to demand, what to show (TLS 1.2), and in what time
  Renewing renew(SessionOptions options);

  /// Null before and after the TLS connection exists, and while a renegotiation puts another in its
  /// place. For questions about an established one.
  SSL* established() const {
    bool unsettled = handshake_ && !handshake_->answersLate();
    return unsettled ? nullptr : link_.ssl.get();
  }

  // For OpenSSL's callbacks, see handshake-callbacks.cc.
  Handshake* handshake() { return handshake_.get(); }
  void observe(bool write, int contentType, const unsigned char* data, size_t length);
  bool writeTicket(SSL_SESSION* session) const;
  bool keepClientSession(SSL_SESSION* session) const;
  // What comes in the relay's time: the handshake behind it is gone on with elsewhere.
  /// A client begins to renegotiate: fine if we asked for it; OpenSSL refuses others.
  int onLateHello() const;
  /// A server asks who we are.
  int onLateCertificateRequest();
  /// The peer shows a certificate: fine if it was asked to. A client that is asked after the
  /// handshake is judged when it has proved that it has the key.
  int onLateCertificate(X509_STORE_CTX* context);

 private:
  enum class Phase : uint8_t { kShaking, kAwaitingPlain, kRelaying, kRenewing, kGone };

  void shake();
  void armHandshake();
  void scheduleRetransmission();
  void retransmit();
  void armAwaiting();
  void watchNet(uint32_t events);
  void readyWhileParked(uint32_t events);
  void finishHandshake();
  void startRelay();
  void afterRelay();
  void scheduleEnd();
  uint64_t nextTime() const;
  Traffic& traffic() { return datagrams_ ? static_cast<Traffic&>(*datagrams_) : relay_; }
  Renewing askClient(const SessionOptions& options);
  Renewing renegotiate(SessionOptions options);
  /// @param timeout ms; 0: none
  void beginRenewal(uint64_t timeout);
  void goOnRenewing();
  void finishRenewal();
  void judgeRenewal();
  /// Proper: what OpenSSL has to say goes out, and time is given for it to arrive. Whoever of the two sides is cut
  /// off in the middle of a relay is reset instead, see relay.h.
  enum class Manner : uint8_t { kProper, kAbrupt };
  void end(End end, Manner manner = Manner::kProper);
  void leavePlain(bool wasInUse, Manner manner);
  void leaveNet(bool cut, Manner manner);

  Link link_;
  Phase phase_ = Phase::kShaking;
  bool lingering_ = false;
  /// ms; 0: none.
  uint64_t handshakeTimeout_;
  uint64_t idleTimeout_;
  uint64_t deadline_ = 0;
  /// DTLS: when the handshake repeats what was sent last; 0: not.
  uint64_t retransmission_ = 0;
  std::unique_ptr<Handshake> handshake_;
  std::unique_ptr<Resumption> resumption_;
  /// Client: the name that was asked for.
  std::string serverName_;
  Relay relay_;
  /// DTLS: used instead.
  std::unique_ptr<DatagramRelay> datagrams_;

  /// Somebody is asked anew who it is: a client after the handshake (RFC 8446 section 4.6.2), the
  /// other side by us; or both sides, by a renegotiation.
  struct Renewal {
    uint64_t deadline = 0;
    /// Of the handshake, until it is taken up.
    std::unique_ptr<SessionOptions> options;
    std::vector<node::Bytes> chain;
    /// The client that was asked has answered; nothing passes until the brain has judged.
    bool answered = false;
    bool judging = false;
  };
  std::unique_ptr<Renewal> renewal_;
  /// Which of our credentials was shown; 0: none.
  CredentialHandle shown_ = 0;
};

}  // namespace tlspool::engine
