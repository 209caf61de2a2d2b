#include "socket/datagram-binding.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "node/values.h"
#include "socket/datagram-way.h"
#include "socket/udp.h"

namespace tlspool::socket {

namespace {

using node::Arguments;

napi_value given(napi_env env, Descriptor fd, const std::string& what) {
  return fd ? node::number(env, fd.release()) : node::throwErrno(env, errno, what);
}

napi_value notNumeric(napi_env env, const std::string& host) {
  return node::throwErrno(env, EINVAL, "not a numeric address and port: " + host);
}

/// `listenDatagram(path)`
napi_value listenDatagram(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  std::string path = arguments.text(0);
  if (!arguments.ok()) return nullptr;
  auto address = unixAddress(path);
  if (!address) return node::throwErrno(env, ENAMETOOLONG, path);
  Descriptor fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd && bind(fd.number(), address->get(), address->length) != 0) fd.reset();
  return given(env, std::move(fd), path);
}

/// `bindUdp(host, port, ipv6Only)`
napi_value bound(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  std::string host = arguments.text(0);
  int port = static_cast<int>(arguments.integer(1));
  bool ipv6Only = arguments.flag(2);
  if (!arguments.ok()) return nullptr;
  auto address = ipAddress(host, port);
  return address ? given(env, bindUdp(*address, ipv6Only), host) : notNumeric(env, host);
}

/// `bindBeside(fd)`
napi_value beside(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = static_cast<int>(arguments.integer(0));
  if (!arguments.ok()) return nullptr;
  return given(env, bindBeside(fd), "cannot bind beside it");
}

/// `connectUdp(fd, host, port)`
napi_value connected(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = static_cast<int>(arguments.integer(0));
  std::string host = arguments.text(1);
  int port = static_cast<int>(arguments.integer(2));
  if (!arguments.ok()) return nullptr;
  auto address = ipAddress(host, port);
  if (!address) return notNumeric(env, host);
  if (!connectUdp(fd, *address)) return node::throwErrno(env, errno, host);
  return node::undefined(env);
}

/// `peekSender(fd) → {address, port} | undefined`
napi_value sender(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = static_cast<int>(arguments.integer(0));
  if (!arguments.ok()) return nullptr;
  auto from = peekSender(fd);
  if (!from) return node::undefined(env);
  Spelling spelling = spell(*from);
  napi_value result = node::object(env);
  node::set(env, result, "address", node::string(env, spelling.host));
  node::set(env, result, "port", node::number(env, spelling.port));
  return result;
}

/// `tellWays(fd)`
napi_value waysTold(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = static_cast<int>(arguments.integer(0));
  if (!arguments.ok()) return nullptr;
  if (!tellWays(fd)) return node::throwErrno(env, errno, "cannot tell where datagrams come to");
  return node::undefined(env);
}

napi_value asBuffer(napi_env env, const Address& address) {
  return node::buffer(env, address.get(), address.length);
}

/// Nothing for what is no address of IP.
std::optional<Address> asAddress(const node::Bytes& bytes) {
  bool isIpv4 = bytes.size() == sizeof(sockaddr_in);
  if (!isIpv4 && bytes.size() != sizeof(sockaddr_in6)) return std::nullopt;
  Address address;
  memcpy(address.get(), bytes.data(), bytes.size());
  address.length = static_cast<socklen_t>(bytes.size());
  return address.family() == (isIpv4 ? AF_INET : AF_INET6) ? std::optional(address) : std::nullopt;
}

/// Two arguments; nothing, and an exception, for what is no way.
std::optional<DatagramWay> wayOf(Arguments& arguments, size_t first) {
  auto remote = asAddress(arguments.bytes(first));
  auto local = asAddress(arguments.bytes(first + 1));
  if (!arguments.ok()) return std::nullopt;
  if (remote && local) return DatagramWay{*remote, *local};
  node::throwErrno(arguments.env(), EINVAL, "not a way of datagrams");
  return std::nullopt;
}

/// `receiveAny(fd, buffer) → {bytes, remote, local} | undefined`
napi_value received(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = static_cast<int>(arguments.integer(0));
  auto [data, length] = arguments.view(1);
  if (!arguments.ok()) return nullptr;
  DatagramWay way;
  ssize_t got = receiveAny(fd, data, length, &way);
  if (got < 0 && errno == EAGAIN) return node::undefined(env);
  if (got < 0) return node::throwErrno(env, errno, "cannot receive");
  napi_value result = node::object(env);
  node::set(env, result, "bytes", node::number(env, static_cast<double>(got)));
  node::set(env, result, "remote", asBuffer(env, way.remote));
  node::set(env, result, "local", asBuffer(env, way.local));
  return result;
}

/// `sendBack(fd, buffer, remote, local) → boolean`
napi_value sentBack(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = static_cast<int>(arguments.integer(0));
  auto [data, length] = arguments.view(1);
  auto way = wayOf(arguments, 2);
  if (!arguments.ok() || !way) return nullptr;
  return node::boolean(env, sendBack(fd, data, length, *way));
}

/// `connectWay(fd, remote, local)`
napi_value wayConnected(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = static_cast<int>(arguments.integer(0));
  auto way = wayOf(arguments, 1);
  if (!arguments.ok() || !way) return nullptr;
  return given(env, connectWay(fd, *way), "cannot connect to who sent it");
}

}  // namespace

void registerDatagrams(napi_env env, napi_value exports) {
  node::addMethods(env, exports,
                   {{"listenDatagram", listenDatagram},
                    {"bindUdp", bound},
                    {"bindBeside", beside},
                    {"connectUdp", connected},
                    {"peekSender", sender},
                    {"tellWays", waysTold},
                    {"receiveAny", received},
                    {"sendBack", sentBack},
                    {"connectWay", wayConnected}});
}

}  // namespace tlspool::socket
