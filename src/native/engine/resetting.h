// A connection that is to be reset, so that nobody takes what came for all that there was. What was sent before
// still arrives: a reset would take along what the other side's kernel does not have yet.
#pragma once

#include "engine/leftover.h"
#include "engine/worker.h"

namespace tlspool::engine {

class Resetting final : public Resident {
 public:
  /// Takes the socket, which is in no epoll set any more, and adds itself to the worker for as long as there is
  /// something to wait for. Sockets other than TCP know no reset, and are closed.
  /// @param rest what is to be sent before
  /// @param patience ms; after them what has not arrived is lost. 0: it is reset at once
  static void begin(Worker& worker, SessionId id, Side side, socket::Descriptor fd, Leftover rest,
                    uint64_t patience);
  ~Resetting() override;

  void ready(Side, uint32_t) override {}
  void due() override;
  void resume() override {}
  void abandon() override {}

 private:
  Resetting(Worker& worker, SessionId id, socket::Descriptor fd, Leftover rest, uint64_t until);

  bool arrived();
  void scheduleLook();

  Worker& worker_;
  socket::Descriptor fd_;
  Leftover rest_;
  uint64_t until_;
  /// ms until the next look.
  uint64_t pause_ = 5;
};

}  // namespace tlspool::engine
