#include "engine/resetting.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "socket/kind.h"

namespace tlspool::engine {

namespace {

constexpr uint64_t kLongestPause = 500;

/// A session has two sockets, which may both be reset; ids of sessions are counted from 1.
SessionId idFor(SessionId session, Side side) {
  return session | (SessionId{side == Side::kNet ? 2u : 3u} << 60);
}

/// The other side has reset the connection itself, or both have ended it.
bool isOver(int fd) {
  tcp_info info{};
  socklen_t length = sizeof info;
  return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0 || info.tcpi_state == TCP_CLOSE;
}

}  // namespace

void Resetting::begin(Worker& worker, SessionId id, Side side, socket::Descriptor fd,
                      Leftover rest, uint64_t patience) {
  if (!socket::knowsReset(fd.number())) return;
  auto resetting = std::unique_ptr<Resetting>(new Resetting(
      worker, idFor(id, side), std::move(fd), std::move(rest), worker.now() + patience));
  Resetting* self = resetting.get();
  if (patience == 0 || self->arrived()) return;
  worker.add(std::move(resetting));
  self->scheduleLook();
}

Resetting::Resetting(Worker& worker, SessionId id, socket::Descriptor fd, Leftover rest,
                     uint64_t until)
    : Resident(id), worker_(worker), fd_(std::move(fd)), rest_(std::move(rest)), until_(until) {}

/// Dissolving the association resets the connection (RFC 9293 section 3.10.5) also where a duplicate of the descriptor
/// is kept elsewhere, with which a close would do nothing.
Resetting::~Resetting() {
  sockaddr nobody{};
  nobody.sa_family = AF_UNSPEC;
  ::connect(fd_.number(), &nobody, sizeof nobody);
}

void Resetting::due() {
  if (arrived() || worker_.now() >= until_) return worker_.remove(id());
  scheduleLook();
}

/// No event tells that everything was acknowledged.
void Resetting::scheduleLook() {
  worker_.schedule(*this, std::min(worker_.now() + pause_, until_));
  pause_ = std::min(pause_ * 2, kLongestPause);
}

/// Nothing is left to be waited for.
bool Resetting::arrived() {
  while (!rest_.empty()) {
    ssize_t sent = ::send(fd_.number(), rest_.data(), rest_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno != EAGAIN;
    rest_.drop(static_cast<size_t>(sent));
  }
  int unacknowledged = 0;
  if (ioctl(fd_.number(), SIOCOUTQ, &unacknowledged) != 0 || unacknowledged == 0) return true;
  return isOver(fd_.number());
}

}  // namespace tlspool::engine
