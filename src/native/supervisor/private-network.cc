#include "supervisor/private-network.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "socket/transfer.h"
#include "supervisor/socket-facts.h"

namespace tlspool::supervisor {

namespace {

/// What the launcher knows (src/native/launcher/private_network.c).
constexpr char kIpv4 = '4';
constexpr char kIpv6 = '6';
constexpr char kDatagramIpv4 = 'u';
constexpr char kDatagramIpv6 = 'v';
constexpr char kDiagnosis = 'd';
/// What the launcher says when it has closed its own of a batch.
constexpr char kClosed = '.';

/// Ordered again while some are left, so that nobody has to wait.
constexpr size_t kLow = 16;
/// ms; the launcher answers at once or is gone.
constexpr int kPatience = 5000;

/// Signals come to this thread as to any other, and are no reason to give up. False with errno.
bool untilReadable(int fd) {
  auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatience);
  for (;;) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd readable{fd, POLLIN, 0};
    int ready = poll(&readable, 1, std::max(0, static_cast<int>(left.count())));
    if (ready > 0) return true;
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) errno = ETIMEDOUT;
    return false;
  }
}

}  // namespace

PrivateNetwork& PrivateNetwork::instance() {
  static PrivateNetwork* only = new PrivateNetwork;  // threads may outlive static destruction
  return *only;
}

bool PrivateNetwork::open(socket::Descriptor channel) {
  std::lock_guard lock(mutex_);
  channel_ = std::move(channel);
  stock_.clear();
  arriving_.clear();
  ordered_.clear();
  socket::Descriptor probe = request(kIpv4);
  if (!probe) return false;
  cookie_ = networkOf(probe.number());
  return true;
}

socket::Descriptor PrivateNetwork::take(int family) {
  std::lock_guard lock(mutex_);
  return request(family == AF_INET6 ? kIpv6 : kIpv4);
}

socket::Descriptor PrivateNetwork::takeDatagram(int family) {
  std::lock_guard lock(mutex_);
  return request(family == AF_INET6 ? kDatagramIpv6 : kDatagramIpv4);
}

socket::Descriptor PrivateNetwork::takeDiagnosis() {
  std::lock_guard lock(mutex_);
  return request(kDiagnosis);
}

bool PrivateNetwork::contains(int fd) const { return cookie_ != 0 && networkOf(fd) == cookie_; }

socket::Descriptor PrivateNetwork::request(char kind) {
  auto& stock = stock_[kind];
  while (ordered_[kind] && collect(false)) {
  }
  if (stock.size() <= (kind == kDiagnosis ? 0 : kLow)) order(kind);
  while (stock.empty()) {
    if (!ordered_[kind]) order(kind);
    if (!collect(true)) return {};
  }
  socket::Descriptor result = std::move(stock.back());
  stock.pop_back();
  return result;
}

void PrivateNetwork::order(char kind) {
  if (ordered_[kind]) return;
  ordered_[kind] = socket::send(channel_.number(), &kind, 1) == 1;
}

/// Takes one message in; false with errno when there is none. A batch is to be used when the message after it says that
/// the launcher has closed its own.
bool PrivateNetwork::collect(bool wait) {
  if (wait && !untilReadable(channel_.number())) return false;
  char kind = 0;
  socket::Received batch = socket::receive(channel_.number(), &kind, 1);
  if (batch.bytes == 0) errno = EPIPE;
  if (batch.bytes <= 0) return false;
  if (kind != kClosed) {
    arrivingKind_ = kind;
    arriving_ = std::move(batch.descriptors);
    return true;
  }
  ordered_[arrivingKind_] = false;
  if (arriving_.empty()) {
    // The launcher, or we, have no descriptors left.
    errno = EMFILE;
    return false;
  }
  auto& stock = stock_[arrivingKind_];
  for (auto& descriptor : arriving_) stock.push_back(std::move(descriptor));
  arriving_.clear();
  return true;
}

}  // namespace tlspool::supervisor
