#include "socket/datagram-binding.h"

#include <sys/socket.h>

#include <cerrno>

#include "node/values.h"
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

}  // namespace

void registerDatagrams(napi_env env, napi_value exports) {
  node::addMethods(env, exports,
                   {{"listenDatagram", listenDatagram},
                    {"bindUdp", bound},
                    {"bindBeside", beside},
                    {"connectUdp", connected},
                    {"peekSender", sender}});
}

}  // namespace tlspool::socket
