#include "socket/address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace tlspool::socket {

std::optional<Address> ipAddress(const std::string& host, int port) {
  if (port < 0 || port > 65535) return std::nullopt;
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) {
    return std::nullopt;
  }
  Address address;
  address.length = found->ai_addrlen;
  memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  return address;
}

std::optional<Address> unixAddress(const std::string& path) {
  sockaddr_un name{};
  if (path.empty() || path.size() >= sizeof name.sun_path) return std::nullopt;
  name.sun_family = AF_UNIX;
  memcpy(name.sun_path, path.data(), path.size());
  Address address;
  memcpy(&address.storage, &name, sizeof name);
  bool abstract = path.front() == '\0';
  address.length = offsetof(sockaddr_un, sun_path) + path.size() + (abstract ? 0 : 1);
  return address;
}

Spelling spell(const Address& address) {
  if (address.family() == AF_UNIX) {
    size_t start = offsetof(sockaddr_un, sun_path);
    if (address.length <= start) return {};
    // A path of 108 bytes has its NUL behind sockaddr_un, where the kernel counts it (unix(7)).
    const char* path = reinterpret_cast<const char*>(&address.storage) + start;
    size_t length = std::min<size_t>(address.length, sizeof address.storage) - start;
    return {std::string(path, path[0] == '\0' ? length : strnlen(path, length)), 0};
  }
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  if (getnameinfo(address.get(), address.length, host, sizeof host, port, sizeof port,
                  NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return {};
  }
  return {host, std::stoi(port)};
}

}  // namespace tlspool::socket
