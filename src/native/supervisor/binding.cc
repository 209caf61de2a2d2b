#include "supervisor/binding.h"

#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <utility>

#include "node/values.h"
#include "supervisor/handlers.h"
#include "supervisor/likeness.h"
#include "supervisor/listener-life.h"
#include "supervisor/private-network.h"
#include "supervisor/probe.h"
#include "supervisor/shared-listeners.h"
#include "supervisor/socket-facts.h"
#include "supervisor/supervisor.h"
#include "supervisor/wrapped-ports.h"

namespace tlspool::supervisor {

namespace {

using node::Arguments;
using socket::Descriptor;

/// By the number that JavaScript knows them by. Main thread only.
std::map<int64_t, std::shared_ptr<Supervisor>>& supervisors() {
  static auto* all = new std::map<int64_t, std::shared_ptr<Supervisor>>;
  return *all;
}

int64_t lastSupervisor = 0;

/// `supervisionFilter(names) → Buffer`: instructions as the launcher installs them.
/// @param names whether names are to be learned on the way of DNS through us
napi_value filter(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  bool names = arguments.flag(0);
  if (!arguments.ok()) return nullptr;
  std::vector<sock_filter> code = filterOfHandlers(names);
  return node::buffer(env, code.data(), code.size() * sizeof(sock_filter));
}

/// `supervisionProbe(channel, pid, fd, address, secret) → { capability, errno }`, or undefined.
napi_value probeProcess(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int channel = static_cast<int>(arguments.integer(0));
  auto process = static_cast<pid_t>(arguments.integer(1));
  int fd = static_cast<int>(arguments.integer(2));
  auto address = static_cast<uint64_t>(arguments.integer(3));
  auto secret = static_cast<uint64_t>(arguments.integer(4));
  if (!arguments.ok()) return nullptr;
  Probe result = probe(channel, process, fd, address, secret);
  if (!result.capability) return node::undefined(env);
  napi_value failure = node::object(env);
  node::set(env, failure, "capability", node::string(env, result.capability));
  node::set(env, failure, "errno", node::number(env, result.error));
  return failure;
}

/// `supervisionStart(channel) → supervisor`: takes the descriptor over.
napi_value start(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int channel = static_cast<int>(arguments.integer(0));
  if (!arguments.ok()) return nullptr;
  int64_t id = ++lastSupervisor;
  auto supervisor = Supervisor::start(id, Descriptor(channel));
  if (!supervisor) return node::throwErrno(env, errno, "cannot start a supervisor");
  supervisors().emplace(id, std::move(supervisor));
  return node::number(env, static_cast<double>(id));
}

/// `supervisionForget(supervisor)`: after its "ended".
napi_value forget(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  supervisors().erase(arguments.integer(0));
  return node::undefined(env);
}

/// `answerTrap(supervisor, question, answer)`
napi_value answer(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int64_t id = arguments.integer(0);
  int64_t question = arguments.integer(1);
  if (!arguments.ok()) return nullptr;
  auto supervisor = supervisors().find(id);
  if (supervisor != supervisors().end()) {
    supervisor->second->questions().answer(question, node::Fields(env, arguments.value(2)));
  }
  return node::undefined(env);
}

/// `privateNetworkOpen(channel)`: takes the descriptor over.
napi_value openNetwork(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int channel = static_cast<int>(arguments.integer(0));
  if (!arguments.ok()) return nullptr;
  if (PrivateNetwork::instance().open(Descriptor(channel))) return node::undefined(env);
  return node::throwErrno(env, errno, "no sockets of the private network");
}

/// `pathInside(accepted) → Buffer`: both ends of a client's connection, for `connectInside`.
napi_value pathInside(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int accepted = static_cast<int>(arguments.integer(0));
  if (!arguments.ok()) return nullptr;
  Path path = pathOf(accepted);
  if (path.client.length == 0) return node::throwErrno(env, ENOTCONN, "the client is gone");
  return node::buffer(env, &path, sizeof path);
}

/// `connectInside(path) → { fd, established }`: to the program's listener.
napi_value connectFor(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  auto [data, length] = arguments.view(0);
  if (!arguments.ok()) return nullptr;
  Path path;
  if (length != sizeof path) return node::throwErrno(env, EINVAL, "no path");
  memcpy(&path, data, sizeof path);
  socket::Connection connection = connectInside(path);
  if (!connection.fd) return node::throwErrno(env, errno, "no connection to the program");
  napi_value result = node::object(env);
  node::set(env, result, "fd", node::number(env, connection.fd.release()));
  node::set(env, result, "established", node::boolean(env, connection.established));
  return result;
}

/// `listenInside(listener) → { fd, cookie }`: a listener for the program in the place of one that
/// clients come to.
napi_value listenFor(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int outside = static_cast<int>(arguments.integer(0));
  if (!arguments.ok()) return nullptr;
  Descriptor fd = listenInside(outside);
  if (!fd) return node::throwErrno(env, errno, "no listener for the program");
  WrappedPorts::instance().add(portOf(localAddressOf(outside)));
  napi_value result = node::object(env);
  node::set(env, result, "cookie", node::number(env, static_cast<double>(cookieOf(fd.number()))));
  node::set(env, result, "fd", node::number(env, fd.release()));
  return result;
}

/// `datagramInside(socket) → { fd, port }`: what a resolver is to go on with, and its port.
napi_value datagramFor(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int model = static_cast<int>(arguments.integer(0));
  if (!arguments.ok()) return nullptr;
  Descriptor fd = datagramInside(model);
  if (!fd) return node::throwErrno(env, errno, "no socket for a resolver");
  napi_value result = node::object(env);
  node::set(env, result, "port", node::number(env, portOf(localAddressOf(fd.number()))));
  node::set(env, result, "fd", node::number(env, fd.release()));
  return result;
}

/// `nameServerInside(address, port) → fd`
napi_value nameServerFor(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  auto server = socket::ipAddress(arguments.text(0), static_cast<int>(arguments.integer(1)));
  if (!arguments.ok()) return nullptr;
  if (!server) return node::throwErrno(env, EINVAL, "no address of a name server");
  Descriptor fd = nameServerInside(*server);
  return fd ? node::number(env, fd.release())
            : node::throwErrno(env, errno, "no place for a name server");
}

/// `listensInside(listener)`: whether anybody does in the place of a listener that clients come to.
napi_value listensFor(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int outside = static_cast<int>(arguments.integer(0));
  if (!arguments.ok()) return nullptr;
  return node::boolean(env, listensInside(localAddressOf(outside)));
}

/// `listenerGone(listener) → port`: before one that clients came to is closed.
napi_value listenerGone(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int outside = static_cast<int>(arguments.integer(0));
  if (!arguments.ok()) return nullptr;
  SharedListeners::instance().forget(outside);
  return node::number(env, portOf(localAddressOf(outside)));
}

/// `portVacated(port)`: after that. Until then whoever binds to the port has to wait for it.
napi_value portVacated(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int port = static_cast<int>(arguments.integer(0));
  if (!arguments.ok()) return nullptr;
  WrappedPorts::instance().remove(port);
  return node::undefined(env);
}

/// `watchListenersInside() → fd`
napi_value watchInside(napi_env env, napi_callback_info) {
  Descriptor fd = watchListeners();
  return fd ? node::number(env, fd.release())
            : node::throwErrno(env, errno, "cannot watch the program's listeners");
}

}  // namespace

std::shared_ptr<Supervisor> supervisorOf(int64_t id) {
  auto found = supervisors().find(id);
  return found == supervisors().end() ? nullptr : found->second;
}

void registerBinding(napi_env env, napi_value exports) {
  node::addMethods(env, exports,
                   {{"supervisionFilter", filter},
                    {"supervisionProbe", probeProcess},
                    {"supervisionStart", start},
                    {"supervisionForget", forget},
                    {"answerTrap", answer},
                    {"privateNetworkOpen", openNetwork},
                    {"pathInside", pathInside},
                    {"connectInside", connectFor},
                    {"listenInside", listenFor},
                    {"datagramInside", datagramFor},
                    {"nameServerInside", nameServerFor},
                    {"listensInside", listensFor},
                    {"listenerGone", listenerGone},
                    {"portVacated", portVacated},
                    {"watchListenersInside", watchInside}});
}

}  // namespace tlspool::supervisor
