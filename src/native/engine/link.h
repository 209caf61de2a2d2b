// The two descriptors of a session and TLS between them: what the handshake and the relay both work
// on.
#pragma once

#include <memory>

#include "engine/counters.h"
#include "engine/datagram-socket.h"
#include "engine/end.h"
#include "engine/leftover.h"
#include "engine/openssl-pointers.h"
#include "engine/polled.h"
#include "engine/session-options.h"
#include "engine/worker.h"
#include "socket/descriptor.h"

namespace tlspool::engine {

/// What became of bytes that were to be sent.
enum class Sent : uint8_t { kAll, kSome, kNever };

struct Link {
  Link(Worker& itsWorker, std::shared_ptr<Counters> itsCounters)
      : worker(itsWorker), counters(std::move(itsCounters)) {}
  ~Link();

  /// Sends what OpenSSL wrote, after what was left over before; keeps what the socket does not
  /// take.
  Sent flushNet();

  /// Lets OpenSSL read what was kept, then nothing.
  void openWindow();
  /// Keeps what OpenSSL did not read.
  void closeWindow();

  /// Reads up to `length` bytes of ciphertext into the window: bytes, 0 at the end, -1 with errno.
  ssize_t receiveNet(size_t length);

  /// Out of epoll's sight, for whoever is to own it.
  socket::Descriptor takePlain();
  socket::Descriptor takeNet();
  void closePlain();
  void closeNet();

  Worker& worker;
  socket::Descriptor net;
  socket::Descriptor plain;
  /// DTLS: how `net` is read and written; null for streams, which use the staging.
  std::unique_ptr<DatagramSocket> datagrams;
  Polled netPolled;
  Polled plainPolled;
  SslPointer ssl;
  /// Ciphertext received but not read by OpenSSL yet.
  Leftover input;
  /// Ciphertext that the peer did not take yet.
  Leftover toNet;
  std::shared_ptr<Counters> counters;
  Alerts alerts;
};

}  // namespace tlspool::engine
