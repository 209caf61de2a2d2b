// Socket addresses: numeric IPv4 and IPv6, and UNIX paths (a leading NUL names the abstract space).
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>

namespace tlspool::socket {

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
};

/// What an address says in words: `path` for UNIX ("" if unnamed), else numeric `host` and `port`.
struct Spelling {
  std::string host;
  int port = 0;
};

/// Nothing is looked up: a host that is not numeric gives nothing. Scopes (`fe80::1%eth0`) are
/// kept.
std::optional<Address> ipAddress(const std::string& host, int port);

/// Nothing if the path does not fit into a socket address (107 bytes).
std::optional<Address> unixAddress(const std::string& path);

Spelling spell(const Address& address);

}  // namespace tlspool::socket
