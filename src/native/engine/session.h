// One session: from a received descriptor, through the handshake, to the end of copying.
//
//   shaking → awaitingPlain → relaying → (gone, its socket lingering for a moment)
#pragma once

#include <memory>

#include "engine/handshake.h"
#include "engine/link.h"
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

  /// Null before and after the TLS connection exists. For questions about an established one.
  SSL* established() const { return handshake_ ? nullptr : link_.ssl.get(); }

  // For OpenSSL's callbacks, see handshake-callbacks.cc.
  Handshake* handshake() { return handshake_.get(); }
  void observe(bool write, int contentType, const unsigned char* data, size_t length);
  bool writeTicket(SSL_SESSION* session) const;
  bool keepClientSession(SSL_SESSION* session) const;

 private:
  enum class Phase : uint8_t { kShaking, kAwaitingPlain, kRelaying, kGone };

  void shake();
  void armHandshake();
  void armAwaiting();
  void readyWhileParked(uint32_t events);
  void finishHandshake();
  void startRelay();
  void afterRelay();
  void scheduleEnd();
  /// Proper: what OpenSSL has to say goes out, and time is given for it to arrive.
  enum class Manner : uint8_t { kProper, kAbrupt };
  void end(End end, Manner manner = Manner::kProper);

  Link link_;
  Phase phase_ = Phase::kShaking;
  bool lingering_ = false;
  uint32_t idleTimeout_;
  uint64_t deadline_ = 0;
  std::unique_ptr<Handshake> handshake_;
  std::unique_ptr<Resumption> resumption_;
  /// Client: the name that was asked for.
  std::string serverName_;
  Relay relay_;
};

}  // namespace tlspool::engine
