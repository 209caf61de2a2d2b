// One session: from a received descriptor, through the handshake, to the end of copying.
//
//   shaking → awaitingPlain → relaying → (gone, its socket lingering for a moment)
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
    /// The session is not in the middle of its life, or is renewed already.
    kBusy,
    /// It is TLS 1.2.
    kTls12,
    /// The client did not say that it can be asked after the handshake (RFC 8446 section 4.2.6).
    kUnable,
  };
  /// Asks a client anew who it is, or changes the keys of both directions. @param timeout ms for
  /// the client's answer, 0: no limit
  Renewing renew(PeerDemand demand, uint32_t timeout);

  /// Null before and after the TLS connection exists. For questions about an established one.
  SSL* established() const { return handshake_ ? nullptr : link_.ssl.get(); }

  // For OpenSSL's callbacks, see handshake-callbacks.cc.
  Handshake* handshake() { return handshake_.get(); }
  void observe(bool write, int contentType, const unsigned char* data, size_t length);
  bool writeTicket(SSL_SESSION* session) const;
  bool keepClientSession(SSL_SESSION* session) const;
  /// The peer shows a certificate after the handshake: fine if it was asked to, and judged when it
  /// has proved that it has the key.
  int onLateCertificate(X509_STORE_CTX* context);

 private:
  enum class Phase : uint8_t { kShaking, kAwaitingPlain, kRelaying, kGone };

  void shake();
  void armHandshake();
  void scheduleRetransmission();
  void retransmit();
  void armAwaiting();
  void readyWhileParked(uint32_t events);
  void finishHandshake();
  void startRelay();
  void afterRelay();
  void scheduleEnd();
  uint64_t nextTime() const;
  Traffic& traffic() { return datagrams_ ? static_cast<Traffic&>(*datagrams_) : relay_; }
  void judgeRenewal();
  /// Proper: what OpenSSL has to say goes out, and time is given for it to arrive.
  enum class Manner : uint8_t { kProper, kAbrupt };
  void end(End end, Manner manner = Manner::kProper);

  Link link_;
  Phase phase_ = Phase::kShaking;
  bool lingering_ = false;
  uint32_t idleTimeout_;
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

  /// The client was asked who it is, after the handshake (RFC 8446 section 4.6.2).
  struct Renewal {
    uint64_t deadline = 0;
    std::vector<node::Bytes> chain;
    /// It has answered; nothing passes any more until the brain has judged.
    bool answered = false;
    bool judging = false;
  };
  std::unique_ptr<Renewal> renewal_;
  /// Which of our credentials was shown; 0: none.
  CredentialHandle shown_ = 0;
};

}  // namespace tlspool::engine
