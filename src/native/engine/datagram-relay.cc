#include "engine/datagram-relay.h"

#include <openssl/err.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>

#include "socket/udp.h"

namespace tlspool::engine {

namespace {

int pendingError(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

/// Whether an error of the program's socket says that nobody reads from it any more.
bool isGone(int error) {
  return error == ECONNREFUSED || error == ECONNRESET || error == EPIPE || error == ENOTCONN;
}

}  // namespace

void DatagramRelay::run(Side side, uint32_t events) {
  if (end_) return;
  bool net = side == Side::kNet;
  if (net && (events & EPOLLOUT)) link_.datagrams->retry();
  if (!net && (events & EPOLLHUP)) {
    // epoll reports it whether it is wanted or not, and for ever.
    plainHungUp_ = true;
    link_.plainPolled.remove(link_.worker.epoll(), link_.plain.number());
  }
  if (!net && (events & EPOLLERR) && isGone(pendingError(link_.plain.number()))) {
    return finish(EndReason::kProgramGone);
  }
  pump(net, !net || (events & EPOLLOUT));
}

void DatagramRelay::runBoth() { pump(true, true); }

void DatagramRelay::pump(bool net, bool plain) {
  wantsTurn_ = false;
  if (net && !end_) pullNet();
  if (plain && !end_) pullPlain();
  if (!end_) checkRefusals();
  if (!end_) arm();
}

// ---- from the peer to the program

void DatagramRelay::pullNet() {
  SSL* ssl = link_.ssl.get();
  link_.datagrams->beginTurn();
  while (!end_) {
    size_t got = 0;
    ERR_clear_error();
    if (SSL_read_ex(ssl, link_.worker.staging().plain(), Staging::plainSize(), &got) == 1) {
      lastActive_ = link_.worker.now();
      refusedSince_ = 0;
      deliver(got);
      continue;
    }
    int error = SSL_get_error(ssl, 0);
    if (error == SSL_ERROR_WANT_READ) return;
    if (error == SSL_ERROR_ZERO_RETURN) return finish(EndReason::kClosed);
    return finish(EndReason::kProtocolError, Failure::fromOpenSsl(link_.alerts));
  }
}

void DatagramRelay::deliver(size_t length) {
  ssize_t sent;
  do {
    sent = ::send(link_.plain.number(), link_.worker.staging().plain(), length,
                  MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) return link_.counters->bytesIn.add(length);
  link_.counters->lostIn.add(1);
  if (isGone(errno)) finish(EndReason::kProgramGone);
}

// ---- from the program to the peer

void DatagramRelay::pullPlain() {
  for (size_t i = 0; i < kDatagramsPerTurn && !end_; i++) {
    if (link_.datagrams->isFull() && !plainHungUp_) return;
    size_t length = 0;
    if (!takeFromProgram(&length)) return;
    lastActive_ = link_.worker.now();
    if (length == 0 || length > kLargestDatagram) {
      // DTLS has no empty records of data that OpenSSL would write.
      link_.counters->lostOut.add(1);
    } else {
      encrypt(length);
    }
  }
  wantsTurn_ = !end_;
}

bool DatagramRelay::takeFromProgram(size_t* length) {
  unsigned char* data = link_.worker.staging().plain();
  int fd = link_.plain.number();
  if (!program_) program_ = socket::peerOf(fd);
  ssize_t got;
  do {
    got = socket::receiveFrom(*program_, fd, data, kLargestDatagram, MSG_DONTWAIT | MSG_TRUNC);
  } while (got < 0 && errno == EINTR);
  if (got < 0) {
    if (plainHungUp_ || isGone(errno)) finish(EndReason::kProgramGone);
    return false;
  }
  if (got == 0 && isAtEnd()) {
    finish(EndReason::kClosed);
    return false;
  }
  *length = static_cast<size_t>(got);
  return true;
}

/// Nothing was read: whether that is the end, or an empty datagram.
bool DatagramRelay::isAtEnd() const {
  pollfd state{link_.plain.number(), POLLRDHUP, 0};
  if (::poll(&state, 1, 0) != 1 || !(state.revents & (POLLRDHUP | POLLHUP))) return false;
  int left = 0;
  return ioctl(link_.plain.number(), FIONREAD, &left) != 0 || left == 0;
}

void DatagramRelay::encrypt(size_t length) {
  size_t written = 0;
  ERR_clear_error();
  uint64_t lost = link_.counters->lostOut.value();
  if (SSL_write_ex(link_.ssl.get(), link_.worker.staging().plain(), length, &written) != 1) {
    return finish(EndReason::kProtocolError, Failure::fromOpenSsl(link_.alerts));
  }
  if (link_.counters->lostOut.value() == lost) link_.counters->bytesOut.add(length);
}

// ---- ends

void DatagramRelay::checkRefusals() {
  if (!link_.datagrams->takeRefused()) return;
  uint64_t now = link_.worker.now();
  // Twice in hours is not for hours.
  if (!refusedSince_ || now - refusedLast_ > kRefusalsApart) refusedSince_ = now;
  refusedLast_ = now;
  if (now - refusedSince_ < kRefusalsBorne) return;
  finish(EndReason::kPeerReset,
         Failure::lostConnection(link_.alerts, "nobody has the peer's port any more (ICMP)"));
}

void DatagramRelay::drain() {
  if (!end_) pullNet();
  if (!end_) pullPlain();
  finish(EndReason::kEnded);
}

void DatagramRelay::giveUp() { finish(EndReason::kEnded); }

void DatagramRelay::finish(EndReason reason, std::optional<Failure> failure) {
  if (!end_) end_ = {reason, std::move(failure)};
}

void DatagramRelay::arm() {
  int epoll = link_.worker.epoll();
  bool full = link_.datagrams->isFull();
  bool watched = link_.netPolled.want(epoll, link_.net.number(), interest(true, full), netKey_);
  if (watched && !plainHungUp_) {
    watched =
        link_.plainPolled.want(epoll, link_.plain.number(), interest(!full, false), plainKey_);
  }
  if (!watched) finish(EndReason::kProtocolError, Failure::unwatched(link_.alerts));
}

}  // namespace tlspool::engine
