// Copies datagrams between the DTLS peer and the program once the handshake is done. One datagram
// of the program is one record and one datagram of the network, and the reverse: boundaries stay.
//
// Like UDP it promises nothing: a datagram that a side does not take now, or that is too large for
// a record or for the way, is lost and counted (`lostIn`, `lostOut`). Only what sockets hold is
// held.
//
// Ends: either side's close_notify ends both directions (RFC 5246 section 7.2.1), as does the
// program's end where its socket tells of it: SOCK_SEQPACKET does, SOCK_DGRAM only when something
// is sent to it. ICMP is not authenticated, so that "nobody has that port" counts only if it is
// said for some time, with nothing that proves to be the peer's in between (RFC 5927 section 5.2).
#pragma once

#include "engine/link.h"
#include "engine/traffic.h"
#include "socket/address.h"

namespace tlspool::engine {

class DatagramRelay final : public Traffic {
 public:
  explicit DatagramRelay(Link& link) : link_(link) {}

  void run(Side side, uint32_t events) override;
  void runBoth() override;
  void drain() override;
  void giveUp() override;

 private:
  void pump(bool net, bool plain);
  void pullNet();
  void deliver(size_t length);
  void pullPlain();
  /// False if nothing is there now, or never again.
  bool takeFromProgram(size_t* length);
  void encrypt(size_t length);
  bool isAtEnd() const;
  void checkRefusals();
  void finish(EndReason reason, std::optional<Failure> failure = std::nullopt);
  void arm();

  Link& link_;
  /// Whom the program's end is connected to; nothing before it is read from.
  std::optional<socket::Address> program_;
  /// Worker time since which the peer's host has said that nobody has its port; 0: it has not.
  uint64_t refusedSince_ = 0;
  uint64_t refusedLast_ = 0;
  /// The program's end has hung up: what it left is read whatever the network takes.
  bool plainHungUp_ = false;
};

}  // namespace tlspool::engine
