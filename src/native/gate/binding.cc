#include "gate/binding.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <vector>

#include "gate/diagnosis.h"
#include "gate/find-socket.h"
#include "gate/gate.h"
#include "gate/outgoing.h"
#include "gate/upstream.h"
#include "gate/wait.h"
#include "node/values.h"
#include "supervisor/socket-facts.h"
#include "supervisor/task.h"

namespace tlspool::gate {

namespace {

using node::Arguments;
using socket::Address;
using socket::Descriptor;
using supervisor::Task;

/// Gates live as long as the process; JavaScript knows them by their place here. Main thread only.
std::deque<Gate>& gates() {
  static auto* all = new std::deque<Gate>;
  return *all;
}

/// A sockaddr as its bytes, as the kernel writes it.
napi_value bytesOf(napi_env env, const Address& address) {
  return node::buffer(env, &address.storage, address.length);
}

bool readAddress(const node::Bytes& bytes, Address* address) {
  if (bytes.size() < sizeof(sa_family_t) || bytes.size() > sizeof address->storage) return false;
  memcpy(&address->storage, bytes.data(), bytes.size());
  address->length = bytes.size();
  return true;
}

/// A cookie as JavaScript has it.
uint64_t cookieFrom(const Arguments& arguments, size_t index) {
  uint64_t value = 0;
  bool lossless = false;
  napi_get_value_bigint_uint64(arguments.env(), arguments.value(index), &value, &lossless);
  return value;
}

napi_value badArgument(napi_env env, const char* what) {
  return node::throwErrno(env, EINVAL, what);
}

/// `gateOpen(host) → gate`
napi_value gateOpen(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  std::string host = arguments.text(0);
  if (!arguments.ok()) return nullptr;
  auto gate = Gate::open(host);
  if (!gate) return node::throwErrno(env, errno, "cannot open a gate for waiting sockets");
  gates().push_back(std::move(*gate));
  return node::number(env, static_cast<double>(gates().size() - 1));
}

/// `gateHold(gate, fd) → errno`, 0 when it waits.
napi_value gateHold(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const Gate* gate = gateOf(arguments.integer(0));
  int fd = static_cast<int>(arguments.integer(1));
  if (!arguments.ok()) return nullptr;
  if (!gate) return badArgument(env, "no such gate");
  return node::number(env, gate->hold(fd));
}

/// `gateComplete(gate, waitingAddress) → fd`
napi_value gateComplete(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const Gate* gate = gateOf(arguments.integer(0));
  Address waiting;
  bool wellFormed = readAddress(arguments.bytes(1), &waiting);
  if (!arguments.ok()) return nullptr;
  if (!gate || !wellFormed) return badArgument(env, "no such gate, or no address");
  Descriptor fd = gate->complete(waiting);
  if (!fd) return node::throwErrno(env, errno, "cannot meet the waiting socket");
  return node::number(env, fd.release());
}

/// `gateMeets(gate, fd) → boolean`
napi_value gateMeets(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const Gate* gate = gateOf(arguments.integer(0));
  int fd = static_cast<int>(arguments.integer(1));
  if (!arguments.ok()) return nullptr;
  return node::boolean(env, gate && gate->meets(fd));
}

/// `gateHolds(gate, cookie, waitingAddress) → boolean`
napi_value gateHolds(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const Gate* gate = gateOf(arguments.integer(0));
  uint64_t cookie = cookieFrom(arguments, 1);
  Address waiting;
  bool wellFormed = readAddress(arguments.bytes(2), &waiting);
  if (!arguments.ok()) return nullptr;
  if (!gate || !wellFormed) return badArgument(env, "no such gate, or no address");
  auto there = isConnection(cookie, waiting, gate->address());
  return there ? node::boolean(env, *there)
               : node::throwErrno(env, errno, "the kernel does not tell of a waiting socket");
}

void setAside(napi_env env, napi_value result, const SetAside& aside) {
  node::set(env, result, "userTimeout", node::number(env, aside.userTimeout));
  node::set(env, result, "synRetries", node::number(env, aside.synRetries));
}

/// `connectLike(model, destination) → { fd, local }`, or `{ error, step }` with an errno.
napi_value startUpstream(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int model = static_cast<int>(arguments.integer(0));
  Address destination;
  bool wellFormed = readAddress(arguments.bytes(1), &destination);
  if (!arguments.ok()) return nullptr;
  if (!wellFormed) return badArgument(env, "no address");
  Upstream upstream = connectLike(model, destination);
  napi_value result = node::object(env);
  if (upstream.fd) {
    node::set(env, result, "local", bytesOf(env, upstream.local));
    node::set(env, result, "fd", node::number(env, upstream.fd.release()));
  } else {
    node::set(env, result, "error", node::number(env, upstream.error));
    node::set(env, result, "step", node::string(env, upstream.step));
  }
  return result;
}

/// `waitAtGate(gate, fd, cookie, destination) → { upstream, connected, waiting, userTimeout,
/// synRetries }`, or `{ error, step }` with an errno, and nothing is as it was not before.
napi_value waitAtGate(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const Gate* gate = gateOf(arguments.integer(0));
  int fd = static_cast<int>(arguments.integer(1));
  uint64_t cookie = cookieFrom(arguments, 2);
  Address destination;
  bool wellFormed = readAddress(arguments.bytes(3), &destination);
  if (!arguments.ok()) return nullptr;
  if (!gate || !wellFormed) return badArgument(env, "no such gate, or no address");
  Wait wait = beginWait(*gate, fd, cookie, destination);
  napi_value result = node::object(env);
  if (!wait.upstream) {
    node::set(env, result, "error", node::number(env, wait.error));
    node::set(env, result, "step", node::string(env, wait.step));
    return result;
  }
  node::set(env, result, "connected", node::boolean(env, isEstablished(wait.upstream.number())));
  node::set(env, result, "upstream", node::number(env, wait.upstream.release()));
  node::set(env, result, "waiting", bytesOf(env, wait.waiting));
  setAside(env, result, wait.aside);
  return result;
}

/// `metAtGate(gate, end, thread, descriptor, cookie, userTimeout, synRetries) → boolean`: false if
/// that cannot be told at once, and then nothing is changed.
napi_value metAtGate(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const Gate* gate = gateOf(arguments.integer(0));
  int end = static_cast<int>(arguments.integer(1));
  WaitingSocket waiting{.thread = static_cast<pid_t>(arguments.integer(2)),
                        .descriptor = static_cast<int>(arguments.integer(3)),
                        .cookie = cookieFrom(arguments, 4)};
  waiting.aside = {.userTimeout = static_cast<int>(arguments.integer(5)),
                   .synRetries = static_cast<int>(arguments.integer(6))};
  if (!arguments.ok()) return nullptr;
  if (!gate) return badArgument(env, "no such gate");
  return node::boolean(env, haveMet(*gate, end, waiting));
}

/// `prepareToWait(fd) → { userTimeout, synRetries }`
napi_value prepare(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = static_cast<int>(arguments.integer(0));
  if (!arguments.ok()) return nullptr;
  SetAside aside;
  if (!prepareToWait(fd, &aside))
    return node::throwErrno(env, errno, "the socket cannot be made to wait");
  napi_value result = node::object(env);
  setAside(env, result, aside);
  return result;
}

/// `putBack(fd, userTimeout, synRetries)`
napi_value restore(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = static_cast<int>(arguments.integer(0));
  SetAside aside{.userTimeout = static_cast<int>(arguments.integer(1)),
                 .synRetries = static_cast<int>(arguments.integer(2))};
  if (!arguments.ok()) return nullptr;
  putBack(fd, aside);
  return node::undefined(env);
}

/// `fetchSocket(thread, descriptor, cookie) → fd`, or undefined when the process has that socket no
/// more.
napi_value fetchSocket(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Task task(static_cast<pid_t>(arguments.integer(0)));
  int descriptor = static_cast<int>(arguments.integer(1));
  uint64_t cookie = cookieFrom(arguments, 2);
  if (!arguments.ok()) return nullptr;
  Descriptor fd = task.fetch(descriptor);
  if (!fd || supervisor::cookieOf(fd.number()) != cookie) fd = findSocket(task, cookie);
  return fd ? node::number(env, fd.release()) : node::undefined(env);
}

/// `outgoingRemember(cookie, local, remote)`
napi_value remember(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  uint64_t cookie = cookieFrom(arguments, 0);
  Likeness likeness;
  bool wellFormed = readAddress(arguments.bytes(1), &likeness.local) &&
                    readAddress(arguments.bytes(2), &likeness.remote);
  if (!arguments.ok()) return nullptr;
  if (!wellFormed) return badArgument(env, "no address");
  Outgoing::instance().remember(cookie, likeness);
  return node::undefined(env);
}

/// `outgoingFail(cookie, errno)`
napi_value rememberFailure(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  uint64_t cookie = cookieFrom(arguments, 0);
  int error = static_cast<int>(arguments.integer(1));
  if (!arguments.ok()) return nullptr;
  Outgoing::instance().fail(cookie, error);
  return node::undefined(env);
}

/// `outgoingTakeError(cookie) → errno`
napi_value takeError(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  uint64_t cookie = cookieFrom(arguments, 0);
  if (!arguments.ok()) return nullptr;
  return node::number(env, Outgoing::instance().takeError(cookie));
}

/// `outgoingForget(cookie)`
napi_value forget(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  uint64_t cookie = cookieFrom(arguments, 0);
  if (!arguments.ok()) return nullptr;
  Outgoing::instance().forget(cookie);
  return node::undefined(env);
}

/// `outgoingSweep() → number` of sockets that are remembered afterwards.
napi_value sweep(napi_env env, napi_callback_info) {
  std::vector<int> ports;
  for (const Gate& gate : gates()) ports.push_back(supervisor::portOf(gate.address()));
  if (!Outgoing::instance().sweep(ports))
    return node::throwErrno(env, errno, "the kernel does not list its sockets");
  return node::number(env, static_cast<double>(Outgoing::instance().size()));
}

template <int (*act)(int, const sockaddr*, socklen_t)>
napi_value actOnAddress(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = static_cast<int>(arguments.integer(0));
  Address address;
  bool wellFormed = readAddress(arguments.bytes(1), &address);
  if (!arguments.ok()) return nullptr;
  if (!wellFormed) return badArgument(env, "no address");
  return node::number(env, act(fd, address.get(), address.length) == 0 ? 0 : errno);
}

/// `isConnected(fd) → boolean`
napi_value isConnected(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = static_cast<int>(arguments.integer(0));
  if (!arguments.ok()) return nullptr;
  return node::boolean(env, supervisor::remoteAddressOf(fd).length != 0);
}

/// `localAddressBytes(fd) → Buffer`
napi_value localAddressBytes(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = static_cast<int>(arguments.integer(0));
  if (!arguments.ok()) return nullptr;
  Address address;
  address.length = sizeof address.storage;
  if (getsockname(fd, address.get(), &address.length) != 0)
    return node::throwErrno(env, errno, "not a socket");
  return bytesOf(env, address);
}

}  // namespace

const Gate* gateOf(int64_t gate) {
  return gate >= 0 && static_cast<size_t>(gate) < gates().size() ? &gates()[gate] : nullptr;
}

void registerBinding(napi_env env, napi_value exports) {
  node::addMethods(env, exports,
                   {{"gateOpen", gateOpen},
                    {"gateHold", gateHold},
                    {"gateComplete", gateComplete},
                    {"gateMeets", gateMeets},
                    {"gateHolds", gateHolds},
                    {"connectLike", startUpstream},
                    {"waitAtGate", waitAtGate},
                    {"metAtGate", metAtGate},
                    {"prepareToWait", prepare},
                    {"putBack", restore},
                    {"fetchSocket", fetchSocket},
                    {"outgoingRemember", remember},
                    {"outgoingFail", rememberFailure},
                    {"outgoingTakeError", takeError},
                    {"outgoingForget", forget},
                    {"outgoingSweep", sweep},
                    {"connectSocket", actOnAddress<::connect>},
                    {"bindSocket", actOnAddress<::bind>},
                    {"isConnected", isConnected},
                    {"localAddressBytes", localAddressBytes}});
}

}  // namespace tlspool::gate
