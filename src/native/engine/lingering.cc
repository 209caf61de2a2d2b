#include "engine/lingering.h"

#include <sys/socket.h>

#include <cerrno>

namespace tlspool::engine {

void Lingering::begin(Worker& worker, SessionId id, socket::Descriptor net, Polled polled,
                      Leftover rest) {
  auto lingering = std::unique_ptr<Lingering>(
      new Lingering(worker, id, std::move(net), polled, std::move(rest)));
  Lingering* self = lingering.get();
  if (!self->flush() || !self->drain()) return;
  worker.schedule(*self, worker.now() + kLingerTime);
  worker.add(std::move(lingering));
}

Lingering::Lingering(Worker& worker, SessionId id, socket::Descriptor net, Polled polled,
                     Leftover rest)
    : Resident(id),
      worker_(worker),
      net_(std::move(net)),
      polled_(polled),
      rest_(std::move(rest)) {}

Lingering::~Lingering() { polled_.remove(worker_.epoll(), net_.number()); }

void Lingering::ready(Side, uint32_t) {
  if (!flush() || !drain()) worker_.remove(id());
}

void Lingering::due() { worker_.remove(id()); }

bool Lingering::flush() {
  while (!rest_.empty()) {
    ssize_t sent = ::send(net_.number(), rest_.data(), rest_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno == EAGAIN;
    rest_.drop(static_cast<size_t>(sent));
  }
  if (!finished_) ::shutdown(net_.number(), SHUT_WR);
  finished_ = true;
  return true;
}

bool Lingering::drain() {
  Staging& staging = worker_.staging();
  while (!peerEnded_) {
    ssize_t got = ::recv(net_.number(), staging.input(), kStage, MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) break;
    if (got < 0) return false;
    peerEnded_ = got == 0;
    thrownAway_ += static_cast<size_t>(got);
    if (thrownAway_ > kLingerBytes) return false;
  }
  if (peerEnded_ && rest_.empty()) return false;
  return polled_.want(worker_.epoll(), net_.number(), interest(!peerEnded_, !rest_.empty()),
                      key(Side::kNet));
}

}  // namespace tlspool::engine
