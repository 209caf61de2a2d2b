#include "courier/visit.h"

#include <cerrno>

#include "gate/wait.h"

namespace tlspool::courier {

namespace {

/// Within this machine.
constexpr auto kPatience = std::chrono::seconds(10);

}  // namespace

std::optional<Visit::Answer> Visit::ask(const Message& question) {
  question_ = question;
  if (headerOf(question).command != Command::plaintextConnect)
    return refuse(ECANCELED, "bad-answer", "the pool asked what nobody here can answer");
  if (path_.client.length == 0) return refuse(ECANCELED, "client-gone", "the client went away");
  supervisor::Connection connection = supervisor::connectInside(path_);
  if (!connection.fd && errno == ECONNREFUSED)
    return refuse(ECANCELED, "program-unreachable", "the program does not listen any more");
  if (!connection.fd) return refuse(errno, "program-unreachable", "no connection to the program");
  if (connection.established) return Answer{.message = question_, .end = std::move(connection.fd)};
  inside_ = std::move(connection.fd);
  deadline_ = Clock::now() + kPatience;
  return std::nullopt;
}

Visit::Answer Visit::finish() {
  if (!gate::isEstablished(inside_.number()))
    return refuse(ECANCELED, "program-unreachable", "the program does not listen any more");
  return {.message = question_, .end = std::move(inside_)};
}

Visit::Answer Visit::giveUp() {
  return refuse(ETIMEDOUT, "program-unreachable", "the program takes no connection");
}

Visit::Answer Visit::refuse(int error, const char* code, const char* text) {
  inside_.reset();
  return {.message = refusalOf(headerOf(question_), error, text),
          .error = error,
          .code = code,
          .text = text};
}

}  // namespace tlspool::courier
