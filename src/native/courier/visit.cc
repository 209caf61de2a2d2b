#include "courier/visit.h"

#include <algorithm>
#include <cerrno>

namespace tlspool::courier {

namespace {

using pool::Command;
using pool::Message;

/// Between attempts: nothing tells that the queue of a UNIX socket has room again (connect(2)).
constexpr auto kLongestPause = std::chrono::milliseconds(50);

}  // namespace

std::optional<Visit::Answer> Visit::ask(const Message& question) {
  question_ = question;
  if (pool::headerOf(question).command != Command::plaintextConnect)
    return refuse({ECANCELED, "bad-answer", "the pool asked what nobody here can answer"});
  deadline_ = Clock::now() + way_->patience();
  return connect();
}

std::optional<Visit::Answer> Visit::connect() {
  socket::Connection connection = way_->connect();
  if (connection.established) return Answer{.message = question_, .end = std::move(connection.fd)};
  if (connection.fd) {
    end_ = std::move(connection.fd);
    due_ = deadline_;
    return std::nullopt;
  }
  if (errno != EAGAIN) return refuse(way_->failure(errno));
  due_ = Clock::now() + pause_;
  pause_ = std::min(2 * pause_, kLongestPause);
  return due_ > deadline_ ? std::optional(refuse(way_->late())) : std::nullopt;
}

Visit::Answer Visit::finish() {
  int error = socket::outcomeOf(end_.number());
  if (error != 0) return refuse(way_->failure(error));
  return {.message = question_, .end = std::move(end_)};
}

std::optional<Visit::Answer> Visit::resume() {
  return end_ ? std::optional(refuse(way_->late())) : connect();
}

Visit::Answer Visit::refuse(Way::Failure failure) {
  end_.reset();
  Message message = pool::refusalOf(pool::headerOf(question_), failure.error, failure.text);
  return {.message = message, .failure = std::move(failure)};
}

}  // namespace tlspool::courier
