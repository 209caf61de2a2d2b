#include "departure/binding.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "departure/departures.h"
#include "gate/binding.h"
#include "node/values.h"
#include "pool/threads.h"
#include "socket/descriptor.h"
#include "supervisor/binding.h"

namespace tlspool::departure {

namespace {

using node::Arguments;
using node::Fields;
using socket::Descriptor;

using All = pool::Threads<Departures>;

uint64_t cookieIn(napi_env env, const Fields& fields) {
  uint64_t value = 0;
  bool lossless = false;
  napi_get_value_bigint_uint64(env, fields.value("cookie"), &value, &lossless);
  return value;
}

/// False if there is no such gate, or no address.
bool readOrder(napi_env env, const Fields& fields, Order* order) {
  order->gate = gate::gateOf(fields.integer("gate", -1));
  node::Bytes address = fields.bytes("waiting");
  auto& waiting = order->waiting;
  if (!order->gate || address.size() > sizeof waiting.address.storage) return false;
  memcpy(&waiting.address.storage, address.data(), address.size());
  waiting.address.length = static_cast<socklen_t>(address.size());
  waiting.thread = static_cast<pid_t>(fields.integer("thread", 0));
  waiting.descriptor = static_cast<int>(fields.integer("descriptor", -1));
  waiting.cookie = cookieIn(env, fields);
  waiting.aside = {.userTimeout = static_cast<int>(fields.integer("userTimeout", 0)),
                   .synRetries = static_cast<int>(fields.integer("synRetries", 0))};
  order->connected = fields.flag("connected", false);
  order->request = fields.bytes("request");
  order->supervisor = supervisor::supervisorOf(fields.integer("supervisor", 0));
  if (order->supervisor) order->question = fields.integer("question", 0);
  order->patience = std::chrono::milliseconds(fields.integer("patience", 0));
  return true;
}

/// `departuresBegin(departures, number, order) → boolean`: false if there is no pool to ask, and
/// then the descriptor `upstream` stays the caller's.
napi_value begin(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  auto departures = All::find(arguments.integer(0));
  int64_t number = arguments.integer(1);
  if (!arguments.ok()) return nullptr;
  Fields fields(env, arguments.value(2));
  Order order;
  if (!readOrder(env, fields, &order)) return node::throwErrno(env, EINVAL, "no such gate");
  order.upstream.reset(static_cast<int>(fields.integer("upstream", -1)));
  bool begun = departures && departures->begin(number, order);
  if (!begun) order.upstream.release();
  return node::boolean(env, begun);
}

/// `departuresGiveUp(departures, number) → 'connecting' | 'asked'`: how far it came; undefined if the
/// program has its connection already.
napi_value giveUp(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  auto departures = All::find(arguments.integer(0));
  int64_t number = arguments.integer(1);
  if (!arguments.ok()) return nullptr;
  auto phase = departures ? departures->giveUp(number) : std::nullopt;
  if (!phase) return node::undefined(env);
  return node::string(env, *phase == Departure::Phase::connecting ? "connecting" : "asked");
}

/// `departuresMet(departures, number, end)`: takes the descriptor over.
napi_value met(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  auto departures = All::find(arguments.integer(0));
  int64_t number = arguments.integer(1);
  Descriptor end(static_cast<int>(arguments.integer(2)));
  if (!arguments.ok()) return nullptr;
  if (departures) departures->met(number, std::move(end));
  return node::undefined(env);
}

}  // namespace

void registerBinding(napi_env env, napi_value exports) {
  node::addMethods(env, exports,
                   {{"departuresStart", All::start},
                    {"departuresOpen", All::open},
                    {"departuresBegin", begin},
                    {"departuresGiveUp", giveUp},
                    {"departuresMet", met},
                    {"departuresClose", All::close}});
}

}  // namespace tlspool::departure
