#include "courier/binding.h"

#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "courier/courier.h"
#include "courier/way.h"
#include "node/values.h"
#include "socket/address.h"

namespace tlspool::courier {

namespace {

using node::Arguments;
using socket::Descriptor;

/// By the number that JavaScript knows them by. Main thread only.
std::map<int64_t, std::shared_ptr<Courier>>& couriers() {
  static auto* all = new std::map<int64_t, std::shared_ptr<Courier>>;
  return *all;
}

int64_t lastCourier = 0;

/// nullptr for one that was closed.
std::shared_ptr<Courier> find(int64_t id) {
  auto found = couriers().find(id);
  return found == couriers().end() ? nullptr : found->second;
}

/// `courierStart() → courier`
napi_value start(napi_env env, napi_callback_info) {
  int64_t id = ++lastCourier;
  auto courier = Courier::start(id);
  if (!courier) return node::throwErrno(env, errno, "cannot start a courier");
  couriers().emplace(id, std::move(courier));
  return node::number(env, static_cast<double>(id));
}

/// `courierOpen(courier, channel)`: takes the descriptor over.
napi_value open(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  auto courier = find(arguments.integer(0));
  Descriptor channel(static_cast<int>(arguments.integer(1)));
  if (!arguments.ok()) return nullptr;
  if (courier) courier->open(std::move(channel));
  return node::undefined(env);
}

/// Of a tunnel's `target`, or a program's own listener if there is none. Nothing if no socket can
/// go there.
std::optional<Ways> waysOf(napi_env env, const node::Fields& order) {
  if (!order.has("target")) return waysInside();
  node::Fields target(env, order.value("target"));
  auto address =
      target.has("path")
          ? socket::unixAddress(target.text("path"))
          : socket::ipAddress(target.text("host"), static_cast<int>(target.integer("port", -1)));
  if (!address) return std::nullopt;
  return waysTo(*address, target.text("name"));
}

/// `courierServe(courier, id, { listeners, request, limit, target? })`: takes the descriptors
/// over. `target` is `{ name, path }` or `{ name, host, port }`.
napi_value serve(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  auto courier = find(arguments.integer(0));
  int64_t id = arguments.integer(1);
  node::Fields order(env, arguments.value(2));
  if (!arguments.ok()) return nullptr;
  std::vector<Descriptor> listeners;
  for (int64_t fd : order.integers("listeners")) listeners.emplace_back(static_cast<int>(fd));
  auto ways = waysOf(env, order);
  if (!ways) return node::throwErrno(env, EINVAL, "no address to connect to");
  if (!courier) return node::undefined(env);
  courier->serve(id, {.listeners = std::move(listeners),
                      .request = order.bytes("request"),
                      .limit = static_cast<size_t>(order.integer("limit", 1)),
                      .ways = std::move(*ways)});
  return node::undefined(env);
}

/// `courierStop(courier, id)`
napi_value stop(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  auto courier = find(arguments.integer(0));
  int64_t id = arguments.integer(1);
  if (!arguments.ok()) return nullptr;
  if (courier) courier->stop(id);
  return node::undefined(env);
}

/// `courierAsk(courier, question, message)`
napi_value ask(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  auto courier = find(arguments.integer(0));
  int64_t question = arguments.integer(1);
  node::Bytes message = arguments.bytes(2);
  if (!arguments.ok()) return nullptr;
  if (courier) courier->ask(question, std::move(message));
  return node::undefined(env);
}

/// `courierClose(courier)`
napi_value close(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int64_t id = arguments.integer(0);
  if (!arguments.ok()) return nullptr;
  if (auto courier = find(id)) courier->close();
  couriers().erase(id);
  return node::undefined(env);
}

}  // namespace

void registerBinding(napi_env env, napi_value exports) {
  node::addMethods(env, exports,
                   {{"courierStart", start},
                    {"courierOpen", open},
                    {"courierServe", serve},
                    {"courierStop", stop},
                    {"courierAsk", ask},
                    {"courierClose", close}});
}

}  // namespace tlspool::courier
