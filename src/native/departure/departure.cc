#include "departure/departure.h"

#include <sys/socket.h>

#include <utility>

#include "socket/transfer.h"
#include "supervisor/socket-facts.h"

namespace tlspool::departure {

namespace {

using socket::Descriptor;

/// Longer than the kernel tries (tcp_syn_retries, tcp(7)), so that its own word comes first.
constexpr auto kLongestConnect = std::chrono::seconds(300);

}  // namespace

Departure::Departure(Order order)
    : order_(std::move(order)), deadline_(Clock::now() + kLongestConnect) {}

int Departure::watched() const {
  return phase_ == Phase::connecting ? order_.upstream.number() : end_.number();
}

int Departure::connected() const {
  return supervisor::optionOf(order_.upstream.number(), SOL_SOCKET, SO_ERROR, EBADF);
}

Descriptor Departure::ask(uint16_t number) {
  phase_ = Phase::asked;
  number_ = number;
  return std::move(order_.upstream);
}

bool Departure::meet(const pool::Message& question) {
  question_ = question;
  end_ = order_.gate->complete(order_.waiting.address);
  if (!end_) return false;
  if (!gate::haveMet(*order_.gate, end_.number(), order_.waiting)) {
    phase_ = Phase::meeting;
    return true;
  }
  if (order_.question != 0) order_.supervisor->questions().succeed(order_.question);
  listen();
  return true;
}

void Departure::met(Descriptor end) {
  end_ = std::move(end);
  listen();
}

void Departure::listen() {
  met_ = true;
  phase_ = Phase::listening;
  deadline_ = Clock::now() + order_.patience;
}

bool Departure::speaksTls() const {
  unsigned char start[6] = {};
  // Of a record's header and the type of the message in it: version 3.x, and a ClientHello.
  ssize_t length = socket::peek(end_.number(), start, sizeof start);
  if (length < 3 || start[0] != 0x16 || start[1] != 3 || start[2] > 4) return false;
  return length < static_cast<ssize_t>(sizeof start) || start[5] == 1;
}

Descriptor Departure::give(bool spoke) {
  phase_ = Phase::given;
  spoke_ = spoke;
  return std::move(end_);
}

void Departure::giveUp() {
  phase_ = Phase::unwanted;
  order_.upstream.reset();
  end_.reset();
}

}  // namespace tlspool::departure
