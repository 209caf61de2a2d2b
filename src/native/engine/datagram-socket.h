// A connected UDP socket as OpenSSL sees it: one read is one datagram, one write another. What a
// socket does not take is lost, as it may be anywhere on its way; nothing is kept for later.
#pragma once

#include <openssl/ssl.h>
#include <sys/types.h>

#include <cstddef>
#include <string>
#include <utility>

#include "engine/counters.h"
#include "engine/limits.h"
#include "node/values.h"
#include "socket/address.h"

namespace tlspool::engine {

/// Bytes of plaintext that one record holds at most (RFC 6347 section 4.1.1, RFC 5246 section
/// 6.2.1), and therefore one datagram of a program.
constexpr size_t kLargestDatagram = 16384;

class DatagramSocket {
 public:
  /// `fd` stays the caller's; `lost` counts what does not go out.
  DatagramSocket(int fd, Count& lost);

  /// Lets as many datagrams be read as one turn takes. Then it seems that none is left: OpenSSL
  /// would read on while a flood of useless ones lasts, and other sessions never had their turn.
  void beginTurn() { left_ = kDatagramsPerTurn; }

  /// What was read from the socket before is read first.
  void give(node::Bytes datagram) { given_ = std::move(datagram); }

  /// A new BIO on it for a connection, which must not outlive it.
  BIO* newBio(const SSL* ssl);

  /// Whose address it is connected to, as the kernel has it; for the cookie.
  std::string peer() const;

  /// Takes the socket's pending error, whatever epoll told.
  void takeError();
  /// Whether less fits into a datagram than when this was asked last.
  bool takeNarrowed();
  /// Takes back that the peer's host said that nobody has that port (ICMP port unreachable).
  bool takeRefused();
  /// The socket took nothing more: wait until it is writable.
  bool isFull() const { return full_; }
  void retry() { full_ = false; }

  /// Bytes of an IP packet that are known to get through, or to be common on such a link.
  int linkMtu() const;

 private:
  static DatagramSocket& of(BIO* bio);
  static int readBio(BIO* bio, char* data, int length);
  static int writeBio(BIO* bio, const char* data, int length);
  static long controlBio(BIO* bio, int command, long number, void* pointer);

  int receive(char* data, size_t length);
  int takeGiven(char* data, size_t length);
  bool isHarmful(const unsigned char* data, size_t length) const;
  size_t shortestProtected() const;
  void send(const char* data, size_t length);
  void note(int error);
  int overhead() const;
  int smallestMtu() const;

  const int fd_;
  const socket::Address peer_;
  Count& lost_;
  const SSL* ssl_ = nullptr;
  node::Bytes given_;
  /// Datagrams that may still be read in this turn.
  size_t left_ = 0;
  bool ipv6_ = false;
  bool full_ = false;
  bool exceeded_ = false;
  /// The MTU when it was asked for last; 0: never.
  int told_ = 0;
  bool refused_ = false;
};

}  // namespace tlspool::engine
