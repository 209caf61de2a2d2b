#include "courier/binding.h"

#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "courier/courier.h"
#include "courier/way.h"
#include "node/values.h"
#include "pool/threads.h"
#include "socket/address.h"
#include "socket/descriptor.h"

namespace tlspool::courier {

namespace {

using node::Arguments;
using socket::Descriptor;

using Couriers = pool::Threads<Courier>;

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
  auto courier = Couriers::find(arguments.integer(0));
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
  auto courier = Couriers::find(arguments.integer(0));
  int64_t id = arguments.integer(1);
  if (!arguments.ok()) return nullptr;
  if (courier) courier->stop(id);
  return node::undefined(env);
}

/// `courierAsk(courier, question, message)`
napi_value ask(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  auto courier = Couriers::find(arguments.integer(0));
  int64_t question = arguments.integer(1);
  node::Bytes message = arguments.bytes(2);
  if (!arguments.ok()) return nullptr;
  if (courier) courier->ask(question, std::move(message));
  return node::undefined(env);
}

}  // namespace

void registerBinding(napi_env env, napi_value exports) {
  node::addMethods(env, exports,
                   {{"courierStart", Couriers::start},
                    {"courierOpen", Couriers::open},
                    {"courierServe", serve},
                    {"courierStop", stop},
                    {"courierAsk", ask},
                    {"courierClose", Couriers::close}});
}

}  // namespace tlspool::courier
