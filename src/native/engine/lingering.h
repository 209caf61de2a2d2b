// A connection that is over for TLS but not yet for TCP: we have sent our last byte and the end of
// our stream; what the peer still sends is thrown away until it ends too. Closing at once would
// reset the connection while unread input is there, and so destroy our last bytes (an alert,
// close_notify).
#pragma once

#include "engine/polled.h"
#include "engine/worker.h"

namespace tlspool::engine {

class Lingering final : public Resident {
 public:
  /// Takes the socket, still with bytes to send perhaps, and adds itself to the worker.
  static void begin(Worker& worker, SessionId id, socket::Descriptor net, Polled polled,
                    Leftover rest);
  ~Lingering() override;

  void ready(Side side, uint32_t events) override;
  void due() override;
  void resume() override {}
  void abandon() override {}

 private:
  Lingering(Worker& worker, SessionId id, socket::Descriptor net, Polled polled, Leftover rest);

  /// False once there is nothing to wait for.
  bool flush();
  bool drain();

  Worker& worker_;
  socket::Descriptor net_;
  Polled polled_;
  Leftover rest_;
  size_t thrownAway_ = 0;
  bool finished_ = false;
  bool peerEnded_ = false;
};

}  // namespace tlspool::engine
