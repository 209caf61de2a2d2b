// A network namespace that nobody else can enter, in which every address is local and the program's
// own listeners are. A connection whose handshake and checks succeeded is made there from the
// client's real address to the one that the client connected to. So the kernel itself gives the
// program what it sees of a plain connection: accept(), addresses, readiness, socket options,
// errors. Where DNS has to pass through us, its name servers have stand-ins there, at their own
// addresses.
//
// The namespace is made by the launcher (src/native/launcher/private_network.c), which hands
// unbound sockets of it over; a socket keeps its namespace wherever it is used.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "socket/address.h"
#include "socket/descriptor.h"

namespace tlspool::supervisor {

class PrivateNetwork {
 public:
  /// The process's only one.
  static PrivateNetwork& instance();

  /// @param channel to the launcher that keeps the namespace
  /// @return false with errno if it cannot be used
  bool open(socket::Descriptor channel);

  /// A fresh TCP socket in the namespace, close-on-exec and non-blocking; empty with errno.
  socket::Descriptor take(int family);

  /// A fresh UDP socket in the namespace, close-on-exec and non-blocking; empty with errno.
  socket::Descriptor takeDatagram(int family);

  /// A socket for NETLINK_SOCK_DIAG in the namespace.
  socket::Descriptor takeDiagnosis();

  /// Whether a socket is in the namespace.
  bool contains(int fd) const;

 private:
  socket::Descriptor request(char kind);
  void order(char kind);
  bool collect(bool wait);

  std::mutex mutex_;
  socket::Descriptor channel_;
  uint64_t cookie_ = 0;
  std::map<char, std::vector<socket::Descriptor>> stock_;
  /// A batch of which the launcher still has its own.
  std::vector<socket::Descriptor> arriving_;
  char arrivingKind_ = 0;
  std::map<char, bool> ordered_;
};

}  // namespace tlspool::supervisor
