// The one way from the engine's threads to JavaScript: events are queued by any thread and handed over
// in batches, in order, on Node's main thread.
#pragma once

#include <node_api.h>

#include <memory>

namespace tlspool::node {

class Event {
 public:
  virtual ~Event() = default;
  /// Called on the main thread: the object that JavaScript gets, with at least a `type`.
  virtual napi_value toJs(napi_env env) const = 0;
};

/// Any thread. After the environment is gone the event is dropped (trap 26 of Node-API teardown).
void postEvent(std::unique_ptr<Event> event);
/// The same for what need not be known at once: it goes along with the next event that is posted,
/// or when `deliverEvents` is called, so that it takes no turn of Node's event loop of its own.
void queueEvent(std::unique_ptr<Event> event);
/// Any thread. What was queued is handed over now.
void deliverEvents();

/// Adds `onEvents(listener)`, where listener gets an array of events, and `unrefEvents()`, `refEvents()`,
/// which tell whether waiting for events keeps the process alive.
void registerEvents(napi_env env, napi_value exports);

}  // namespace tlspool::node
