#include "engine/link.h"

#include <sys/socket.h>

#include <cerrno>

namespace tlspool::engine {

Link::~Link() {
  closePlain();
  closeNet();
}

Sent Link::flushNet() {
  Staging& staging = worker.staging();
  if (!toNet.empty()) {
    toNet.append(staging.output(), staging.outputLength());
    staging.clearOutput();
  }
  bool kept = !toNet.empty();
  const unsigned char* data = kept ? toNet.data() : staging.output();
  size_t length = kept ? toNet.size() : staging.outputLength();
  size_t done = 0;
  Sent result = Sent::kAll;
  while (done < length) {
    ssize_t sent = ::send(net.number(), data + done, length - done, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) {
      result = errno == EAGAIN ? Sent::kSome : Sent::kNever;
      break;
    }
    done += static_cast<size_t>(sent);
  }
  if (kept) toNet.drop(done);
  if (result == Sent::kSome && !kept) toNet.append(data + done, length - done);
  if (result == Sent::kNever) toNet.clear();
  staging.clearOutput();
  return result;
}

void Link::openWindow() { worker.staging().setWindow(input.data(), input.size()); }

void Link::closeWindow() { worker.staging().saveWindow(input); }

ssize_t Link::receiveNet(size_t length) {
  Staging& staging = worker.staging();
  ssize_t got;
  do {
    got = ::recv(net.number(), staging.input(), length, MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got > 0) staging.setWindow(staging.input(), static_cast<size_t>(got));
  return got;
}

socket::Descriptor Link::takePlain() {
  plainPolled.remove(worker.epoll(), plain.number());
  return std::move(plain);
}

socket::Descriptor Link::takeNet() {
  netPolled.remove(worker.epoll(), net.number());
  return std::move(net);
}

void Link::closePlain() { takePlain(); }

void Link::closeNet() { takeNet(); }

}  // namespace tlspool::engine
