#include "engine/engine.h"

#include <openssl/err.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "async/park.h"

namespace tlspool::engine {

namespace {

/// Never destroyed: parked work may wake a worker at any time, whatever is being torn down.
Engine* running = nullptr;
SessionId lastSession = 0;

}  // namespace

Engine* Engine::instance() { return running; }

bool Engine::start(int threads, const Limits& limits, std::string* reason) {
  static bool once = false;
  if (!once) {
    async::useGuardedStacks();
    // Node's environment hooks do not run on process.exit(), on an uncaught exception or on a
    // signal, and threads that use OpenSSL while exit() tears it down crash. This runs before that.
    std::atexit(atExit);
    once = true;
  }
  ERR_clear_error();
  auto engine = new Engine;
  engine->tls_ = TlsContext::create();
  if (!engine->tls_) {
    const char* words = ERR_reason_error_string(ERR_get_error());
    *reason = words ? words : "the TLS library refuses our settings";
    delete engine;
    return false;
  }
  int error = 0;
  for (int i = 0; i < threads && error == 0; i++) {
    auto worker = std::make_unique<Worker>(i, limits);
    if (worker->start()) {
      engine->workers_.push_back(std::move(worker));
    } else {
      error = errno;
    }
  }
  if (engine->workers_.empty()) {
    *reason = std::string("no thread of the engine can be started: ") + strerrordesc_np(error) +
              " (raise the limit of tasks, open files or memory)";
    delete engine;
    return false;
  }
  TlsContext::setInstance(engine->tls_.get());
  running = engine;
  return true;
}

SessionId Engine::open(std::unique_ptr<SessionOptions> options) {
  SessionId id = ++lastSession;
  auto counters = std::make_shared<Counters>();
  sessions_.emplace(id, counters);
  Worker& worker = workerOf(id);
  auto session = std::make_shared<std::unique_ptr<Session>>(
      std::make_unique<Session>(worker, id, std::move(options), std::move(counters)));
  worker.post([&worker, session] {
    Session* adopted = session->get();
    worker.add(std::move(*session));
    adopted->begin();
  });
  return id;
}

void Engine::tell(SessionId id, std::function<void(Session&)> what) {
  ask(id, std::move(what), [] {});
}

void Engine::ask(SessionId id, std::function<void(Session&)> what,
                 std::function<void()> otherwise) {
  Worker& worker = workerOf(id);
  worker.post([&worker, id, what = std::move(what), otherwise = std::move(otherwise)] {
    auto* session = dynamic_cast<Session*>(worker.find(id));
    session ? what(*session) : otherwise();
  });
}

std::shared_ptr<Counters> Engine::counters(SessionId id) const {
  auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : found->second;
}

void Engine::forgetSession(SessionId id) {
  if (running) running->sessions_.erase(id);
}

size_t Engine::residents() const {
  size_t sum = 0;
  for (const auto& worker : workers_) sum += worker->residents();
  return sum;
}

size_t Engine::scheduled() const {
  size_t sum = 0;
  for (const auto& worker : workers_) sum += worker->scheduled();
  return sum;
}

void Engine::stop() {
  for (auto& worker : workers_) worker->stop();
  pool_.stop();
  running = nullptr;
}

void Engine::atExit() {
  if (!running) return;
  for (auto& worker : running->workers_) worker->halt();
  running->pool_.stop();
}

}  // namespace tlspool::engine
