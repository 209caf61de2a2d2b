#include "pool/pool-channel.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "socket/transfer.h"

namespace tlspool::pool {

namespace {

/// Many sessions may be answered at once.
constexpr size_t kRoom = 32 * kMessageLength;

bool isForNow(int error) { return error == EAGAIN || error == EINTR; }

}  // namespace

bool PoolChannel::send(const unsigned char* bytes, size_t length, socket::Descriptor fd) {
  ssize_t sent = 0;
  if (waiting_.empty()) {
    sent = socket::send(fd_.number(), bytes, length, fd.number());
    if (sent < 0 && !isForNow(errno)) return false;
    sent = std::max<ssize_t>(sent, 0);
  }
  if (sent > 0) fd.reset();
  if (static_cast<size_t>(sent) < length)
    waiting_.push_back({{bytes + sent, bytes + length}, std::move(fd)});
  return true;
}

bool PoolChannel::flush() {
  while (!waiting_.empty()) {
    Waiting& next = waiting_.front();
    ssize_t sent =
        socket::send(fd_.number(), next.bytes.data(), next.bytes.size(), next.fd.number());
    if (sent < 0) return isForNow(errno);
    next.fd.reset();
    if (static_cast<size_t>(sent) == next.bytes.size())
      waiting_.pop_front();
    else
      next.bytes.erase(next.bytes.begin(), next.bytes.begin() + sent);
  }
  return true;
}

bool PoolChannel::receive(const std::function<void(const Message&)>& message) {
  unsigned char buffer[kRoom];
  for (;;) {
    // Descriptors, which the pool never sends, would not be taken.
    ssize_t length = recv(fd_.number(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (length < 0) return isForNow(errno);
    if (length == 0) {
      errno = 0;
      return false;
    }
    for (size_t at = 0; at < static_cast<size_t>(length);) {
      size_t part = std::min(static_cast<size_t>(length) - at, kMessageLength - filled_);
      memcpy(partial_.data() + filled_, buffer + at, part);
      at += part;
      filled_ += part;
      if (filled_ < kMessageLength) break;
      filled_ = 0;
      message(partial_);
    }
    if (static_cast<size_t>(length) < sizeof buffer) return true;
  }
}

}  // namespace tlspool::pool
