#include "departure/report.h"

#include <memory>
#include <utility>

#include "node/event.h"
#include "node/values.h"

namespace tlspool::departure {

namespace {

class DepartureEvent : public node::Event {
 public:
  DepartureEvent(int64_t departures, int64_t number, const char* kind, bool met,
                 courier::Describe describe)
      : departures_(departures),
        number_(number),
        kind_(kind),
        met_(met),
        describe_(std::move(describe)) {}

  napi_value toJs(napi_env env) const override {
    napi_value event = node::object(env);
    node::set(env, event, "type", node::string(env, "departure"));
    node::set(env, event, "departures", node::number(env, static_cast<double>(departures_)));
    node::set(env, event, "number", node::number(env, static_cast<double>(number_)));
    node::set(env, event, "kind", node::string(env, kind_));
    node::set(env, event, "met", node::boolean(env, met_));
    if (describe_) describe_(env, event);
    return event;
  }

 private:
  int64_t departures_;
  int64_t number_;
  const char* kind_;
  bool met_;
  courier::Describe describe_;
};

}  // namespace

void report(int64_t departures, int64_t number, const char* kind, bool met, bool urgent,
            courier::Describe describe) {
  auto event =
      std::make_unique<DepartureEvent>(departures, number, kind, met, std::move(describe));
  if (urgent)
    node::postEvent(std::move(event));
  else
    node::queueEvent(std::move(event));
}

}  // namespace tlspool::departure
