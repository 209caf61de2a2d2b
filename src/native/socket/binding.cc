#include "socket/binding.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "node/shape.h"
#include "node/values.h"
#include "socket/credentials.h"
#include "socket/datagram-binding.h"
#include "socket/opening.h"
#include "socket/packets.h"
#include "socket/transfer.h"
#include "socket/udp.h"
#include "socket/watch.h"

namespace tlspool::socket {

namespace {

using node::Arguments;

napi_value given(napi_env env, Descriptor fd, const char* what) {
  return fd ? node::number(env, fd.release()) : node::throwErrno(env, errno, what);
}

napi_value done(napi_env env, bool ok, const char* what) {
  return ok ? node::undefined(env) : node::throwErrno(env, errno, what);
}

template <std::pair<Descriptor, Descriptor> (*make)()>
napi_value bothEnds(napi_env env, napi_callback_info) {
  auto [one, other] = make();
  if (!one) return node::throwErrno(env, errno, "cannot make a pair of sockets");
  napi_value result;
  napi_create_array_with_length(env, 2, &result);
  napi_set_element(env, result, 0, node::number(env, one.release()));
  napi_set_element(env, result, 1, node::number(env, other.release()));
  return result;
}

napi_value listenUnix(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  std::string path = arguments.text(0);
  ListenOptions options{.backlog = static_cast<int>(arguments.integer(1))};
  if (!arguments.ok()) return nullptr;
  auto address = unixAddress(path);
  if (!address) return node::throwErrno(env, ENAMETOOLONG, path);
  return given(env, listen(*address, options), path.c_str());
}

napi_value connectUnix(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  std::string path = arguments.text(0);
  if (!arguments.ok()) return nullptr;
  auto address = unixAddress(path);
  if (!address) return node::throwErrno(env, ENAMETOOLONG, path);
  return given(env, connect(*address), path.c_str());
}

/// `listenTcp(host, port, backlog, reusePort, ipv6Only)`
napi_value listenTcp(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  std::string host = arguments.text(0);
  int port = static_cast<int>(arguments.integer(1));
  ListenOptions options{.backlog = static_cast<int>(arguments.integer(2)),
                        .reusePort = arguments.flag(3),
                        .ipv6Only = arguments.flag(4)};
  if (!arguments.ok()) return nullptr;
  auto address = ipAddress(host, port);
  if (!address) return node::throwErrno(env, EINVAL, "not a numeric address and port: " + host);
  return given(env, listen(*address, options), host.c_str());
}

napi_value connectTcp(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  std::string host = arguments.text(0);
  int port = static_cast<int>(arguments.integer(1));
  if (!arguments.ok()) return nullptr;
  auto address = ipAddress(host, port);
  if (!address) return node::throwErrno(env, EINVAL, "not a numeric address and port: " + host);
  return given(env, connect(*address), host.c_str());
}

napi_value acceptNext(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int listener = static_cast<int>(arguments.integer(0));
  if (!arguments.ok()) return nullptr;
  Descriptor fd = accept(listener);
  if (!fd && errno == EAGAIN) return node::undefined(env);
  return given(env, std::move(fd), "cannot accept");
}

/// `receive(fd, buffer, offset)`: bytes, or an object where descriptors came along or were lost.
napi_value receiveInto(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = static_cast<int>(arguments.integer(0));
  auto [data, length] = arguments.view(1);
  int64_t offset = arguments.integer(2);
  if (!arguments.ok()) return nullptr;
  if (offset < 0 || static_cast<size_t>(offset) >= length) {
    return node::throwErrno(env, EINVAL, "no room in the buffer");
  }
  Received received = receive(fd, data + offset, length - offset);
  if (received.bytes < 0) {
    if (errno == EAGAIN || errno == EINTR) return node::undefined(env);
    return node::throwErrno(env, errno, "cannot receive");
  }
  // Most of the time nothing comes along.
  if (received.descriptors.empty() && !received.truncated) {
    return node::number(env, static_cast<double>(received.bytes));
  }
  napi_value fds;
  napi_create_array_with_length(env, received.descriptors.size(), &fds);
  for (size_t i = 0; i < received.descriptors.size(); i++) {
    napi_set_element(env, fds, i, node::number(env, received.descriptors[i].release()));
  }
  static const node::Shape shape{"bytes", "fds", "truncated"};
  return shape.make(env, {node::number(env, static_cast<double>(received.bytes)), fds,
                          node::boolean(env, received.truncated)});
}

/// `peek(fd, buffer)`
napi_value peekInto(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = static_cast<int>(arguments.integer(0));
  auto [data, length] = arguments.view(1);
  if (!arguments.ok()) return nullptr;
  ssize_t there = peek(fd, data, length);
  if (there >= 0) return node::number(env, there);
  if (errno == EAGAIN || errno == EINTR) return node::undefined(env);
  return node::throwErrno(env, errno, "cannot receive");
}

/// `send(fd, buffer, passFd)`; passFd -1: none.
napi_value sendFrom(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = static_cast<int>(arguments.integer(0));
  auto [data, length] = arguments.view(1);
  int pass = static_cast<int>(arguments.integer(2));
  if (!arguments.ok()) return nullptr;
  ssize_t taken = send(fd, data, length, pass);
  if (taken >= 0) return node::number(env, taken);
  if (errno == EAGAIN || errno == EINTR) return node::undefined(env);
  return node::throwErrno(env, errno, "cannot send");
}

napi_value sniff(napi_env env, napi_callback_info) {
  return given(env, sniffDns(), "cannot see the packets of DNS");
}

/// `nextPacket(fd, buffer) → bytes`, or undefined when none is there.
napi_value nextPacket(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = static_cast<int>(arguments.integer(0));
  auto [data, length] = arguments.view(1);
  if (!arguments.ok()) return nullptr;
  ssize_t bytes = recv(fd, data, length, MSG_DONTWAIT);
  if (bytes >= 0) return node::number(env, static_cast<double>(bytes));
  // An interface that goes down shows as an error, once.
  if (errno == EAGAIN || errno == EINTR || errno == ENETDOWN) return node::undefined(env);
  return node::throwErrno(env, errno, "cannot receive a packet");
}

napi_value closeFd(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = static_cast<int>(arguments.integer(0));
  if (!arguments.ok()) return nullptr;
  return done(env, ::close(fd) == 0 || errno == EINTR, "cannot close the descriptor");
}

/// `resetFd(fd)`: closes it, and resets its connection (TCP).
napi_value resetFd(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = static_cast<int>(arguments.integer(0));
  if (!arguments.ok()) return nullptr;
  constexpr linger kNow{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &kNow, sizeof kNow);
  return done(env, ::close(fd) == 0 || errno == EINTR, "cannot close the descriptor");
}

/// `shutdown(fd, how)`: 0 reading, 1 writing, 2 both.
napi_value shutdownFd(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = static_cast<int>(arguments.integer(0));
  int how = static_cast<int>(arguments.integer(1));
  if (!arguments.ok()) return nullptr;
  return done(env, ::shutdown(fd, how) == 0 || errno == ENOTCONN, "cannot shut the socket down");
}

napi_value duplicate(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = static_cast<int>(arguments.integer(0));
  if (!arguments.ok()) return nullptr;
  return given(env, Descriptor(fcntl(fd, F_DUPFD_CLOEXEC, 3)), "cannot duplicate the descriptor");
}

template <int get, int put, int bit>
napi_value setBit(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = static_cast<int>(arguments.integer(0));
  bool on = arguments.flag(1);
  if (!arguments.ok()) return nullptr;
  int flags = fcntl(fd, get);
  bool ok = flags >= 0 && fcntl(fd, put, on ? flags | bit : flags & ~bit) == 0;
  return done(env, ok, "cannot change the flags of the descriptor");
}

napi_value socketError(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = static_cast<int>(arguments.integer(0));
  if (!arguments.ok()) return nullptr;
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) {
    return node::throwErrno(env, errno, "not a socket");
  }
  return node::number(env, error);
}

napi_value credentialsOf(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = static_cast<int>(arguments.integer(0));
  if (!arguments.ok()) return nullptr;
  auto credentials = peerCredentials(fd);
  if (!credentials) return node::throwErrno(env, errno, "cannot tell who the peer is");
  napi_value result = node::object(env);
  node::set(env, result, "pid", node::number(env, credentials->pid));
  node::set(env, result, "uid", node::number(env, credentials->uid));
  node::set(env, result, "gid", node::number(env, credentials->gid));
  node::set(env, result, "groups",
            node::numbers(env, {credentials->groups.begin(), credentials->groups.end()}));
  node::set(env, result, "executable",
            credentials->executable.empty() ? node::undefined(env)
                                            : node::string(env, credentials->executable));
  node::set(env, result, "unit", node::string(env, credentials->unit));
  node::set(env, result, "started", node::number(env, static_cast<double>(credentials->started)));
  return result;
}

napi_value spelled(napi_env env, const Address& address) {
  Spelling spelling = spell(address);
  napi_value result = node::object(env);
  node::set(env, result, "address", node::string(env, spelling.host));
  node::set(env, result, "port", node::number(env, spelling.port));
  return result;
}

napi_value addressesOf(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = static_cast<int>(arguments.integer(0));
  if (!arguments.ok()) return nullptr;
  Address local;
  Address remote;
  local.length = remote.length = sizeof local.storage;
  if (getsockname(fd, local.get(), &local.length) != 0) {
    return node::throwErrno(env, errno, "not a socket");
  }
  napi_value result = node::object(env);
  const char* family = local.family() == AF_INET    ? "ipv4"
                       : local.family() == AF_INET6 ? "ipv6"
                       : local.family() == AF_UNIX  ? "unix"
                                                    : "other";
  node::set(env, result, "family", node::string(env, family));
  node::set(env, result, "local", spelled(env, local));
  if (getpeername(fd, remote.get(), &remote.length) == 0) {
    node::set(env, result, "remote", spelled(env, remote));
  }
  return result;
}

/// `internetAddress(fd, remote) → text`: `ADDR:PORT` or `[IPV6]:PORT` of one end; "" if it has none.
napi_value internetAddress(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = static_cast<int>(arguments.integer(0));
  auto nameOf = arguments.flag(1) ? getpeername : getsockname;
  if (!arguments.ok()) return nullptr;
  Address address;
  address.length = sizeof address.storage;
  if (nameOf(fd, address.get(), &address.length) != 0) return node::string(env, "");
  bool six = address.family() == AF_INET6;
  if (!six && address.family() != AF_INET) return node::string(env, "");
  Spelling spelling = spell(address);
  std::string host = six ? "[" + spelling.host + "]" : spelling.host;
  return node::string(env, host + ":" + std::to_string(spelling.port));
}

}  // namespace

void registerBinding(napi_env env, napi_value exports) {
  node::addMethods(env, exports,
                   {{"socketPair", bothEnds<pair>},
                    {"messagePair", bothEnds<messagePair>},
                    {"listenUnix", listenUnix},
                    {"connectUnix", connectUnix},
                    {"listenTcp", listenTcp},
                    {"connectTcp", connectTcp},
                    {"accept", acceptNext},
                    {"receive", receiveInto},
                    {"peek", peekInto},
                    {"send", sendFrom},
                    {"sniffDns", sniff},
                    {"nextPacket", nextPacket},
                    {"closeFd", closeFd},
                    {"resetFd", resetFd},
                    {"shutdownFd", shutdownFd},
                    {"duplicate", duplicate},
                    {"setNonBlocking", setBit<F_GETFL, F_SETFL, O_NONBLOCK>},
                    {"setCloseOnExec", setBit<F_GETFD, F_SETFD, FD_CLOEXEC>},
                    {"socketError", socketError},
                    {"peerCredentials", credentialsOf},
                    {"socketAddresses", addressesOf},
                    {"internetAddress", internetAddress}});
  registerDatagrams(env, exports);
  registerWatch(env, exports);
}

}  // namespace tlspool::socket
