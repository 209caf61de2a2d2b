// Copies between the TLS peer and the program once the handshake is done, in both directions, each
// at its own pace and each with an end of its own.
//
// Ends: the peer's close_notify becomes the end of stream at the program, the program's end of
// stream becomes close_notify and the end of the TCP stream. When the peer takes nothing any more we
// go on reading: what it sent before is not lost. When the program takes nothing any more, what
// comes is thrown away for a moment and then the session is over.
//
// Whoever is cut off hears of it, by a reset, as what came before is not all there was (RFC 8446 section
// 6.1): the peer of a program that resets its connection, the program of a peer that does, that breaks TLS or
// whose stream ends within a record, and both if it is us who end the session. So does a client's program whose
// server's stream ends without close_notify; what clients say does not go by the end of their stream, and
// many leave without one: to a server's program that is an end of stream, reported as truncation.
//
// Memory: nothing is held while nothing flows; a side that does not take what was read makes the
// other one wait, with at most one burst in between.
#pragma once

#include "engine/link.h"
#include "engine/traffic.h"

namespace tlspool::engine {

class Relay final : public Traffic {
 public:
  explicit Relay(Link& link) : link_(link) {}

  /// The next bytes out, or else close_notify, bring the client a ticket, so that it can resume. It
  /// does not go earlier: a peer that sends and closes without reading would reset the connection
  /// because of it.
  void promiseTicket() { ticketDue_ = true; }
  void breakTicketPromise() { ticketDue_ = false; }

  /// Nothing passes in either direction until `release`.
  void hold();
  /// What the program writes waits until `hold` or `release`: nothing can be written during a renegotiation.
  void holdProgram() { programHeld_ = true; }
  void release();
  /// OpenSSL, reading, came upon a handshake that needs an answer, and the program has all that came
  /// before it. Nothing is read or written until `hold` or `release`.
  bool interrupted() const { return interrupted_ && toPlain_.empty(); }
  /// What OpenSSL wrote by itself.
  void sendOwn();
  /// Both directions are open, in TLS at least.
  bool mayRenew() const;

  /// Both descriptors are there.
  void begin();
  /// Once it has ended: the program is to be told by a reset that this was not all.
  bool resetsProgram() const { return !plainShut_; }

  void run(Side side, uint32_t events) override;
  void runBoth() override;
  void drain() override;
  void giveUp() override;

  /// A message of the peer that is not data came (KeyUpdate, NewSessionTicket, …); see
  /// kPostHandshakeBurst. False: too many.
  bool allowPostHandshake();

 private:
  void pump(bool net, bool plain);
  void pullNet();
  void decrypt(size_t* filled);
  void pushPlain(const unsigned char* data, size_t length);
  void flushPlain();
  void pullPlain();
  bool beginTicket();
  void encrypt(size_t length);
  void flushNet();
  void endOut();
  void endIn();
  void peerLost();
  /// @param error of the system call (errno)
  void programLost(int error);
  void broken(Failure failure);
  bool mayPullNet() const;
  bool mayPullPlain() const;
  bool outIsCut() const;
  bool inIsCut() const;
  bool isOver() const;
  void settle();
  void arm();
  End outcome() const;

  Link& link_;
  Leftover toPlain_;
  uint64_t keyedAt_ = 0;
  uint64_t keyedInAt_ = 0;
  uint64_t allowedAt_ = 0;
  uint32_t allowed_ = kPostHandshakeBurst;
  uint32_t netBurst_ = kSmallestBurst;
  uint32_t plainBurst_ = kSmallestBurst;
  uint32_t thrownAway_ = 0;

  bool ticketDue_ : 1 = false;
  bool held_ : 1 = false;
  bool programHeld_ : 1 = false;
  bool interrupted_ : 1 = false;
  bool draining_ : 1 = false;
  /// Nothing more comes from the peer; whether it said so, or was cut off.
  bool netEnded_ : 1 = false;
  bool closedByPeer_ : 1 = false;
  bool truncated_ : 1 = false;
  bool peerReset_ : 1 = false;
  /// The peer takes nothing any more.
  bool netDead_ : 1 = false;
  bool noticeSent_ : 1 = false;
  bool netShut_ : 1 = false;
  /// Nothing more comes from the program; whether it has reset its connection.
  bool plainEnded_ : 1 = false;
  bool programReset_ : 1 = false;
  /// Draining ended what the program may have had more of.
  bool drainedShort_ : 1 = false;
  /// The program takes nothing any more; whether data for it was lost.
  bool plainDead_ : 1 = false;
  bool plainShut_ : 1 = false;
  /// The program has closed its end altogether (UNIX), or both ends are closed (TCP).
  bool plainHungUp_ : 1 = false;
  bool undelivered_ : 1 = false;
  bool flooded_ : 1 = false;
  std::optional<Failure> failure_;
};

}  // namespace tlspool::engine
