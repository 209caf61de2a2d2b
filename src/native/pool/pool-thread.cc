#include "pool/pool-thread.h"

#include <pthread.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "async/thread.h"
#include "node/values.h"

namespace tlspool::pool {

namespace {

using socket::Descriptor;

constexpr Topic kWoken{0xff};
constexpr Topic kChannel{0xfe};

}  // namespace

PoolThread::PoolThread(const char* type, int64_t number)
    : poller_(kWoken), type_(type), number_(number) {}

bool PoolThread::run(const std::shared_ptr<PoolThread>& thread, const char* name) {
  return thread->poller_.isGood() && async::runApart([thread, name] { thread->work(name); });
}

void PoolThread::open(Descriptor channel) {
  std::lock_guard lock(mutex_);
  channel_.emplace(std::move(channel));
  watchesWritable_ = false;
  broken_ = poller_.add(channel_->number(), EPOLLIN, kChannel) ? 0 : errno;
  opened();
  poller_.wake();
}

void PoolThread::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  channel_.reset();
  clear();
  poller_.wake();
}

void PoolThread::work(const char* name) {
  pthread_setname_np(pthread_self(), name);
  for (;;) {
    int timeout;
    {
      std::lock_guard lock(mutex_);
      if (closed_) return;
      timeout = pause();
    }
    auto ready = poller_.wait(timeout);
    std::lock_guard lock(mutex_);
    if (closed_) return;
    for (const epoll_event& event : ready) dispatch(event);
    if (broken_ != 0) lose();
    expire();
  }
}

/// ms until there is something to do; -1: there is nothing to wait for.
int PoolThread::pause() const {
  auto next = due();
  if (!next) return -1;
  auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - Clock::now()).count();
  return static_cast<int>(std::max<int64_t>(0, left));
}

void PoolThread::dispatch(const epoll_event& event) {
  Topic topic = topicOf(event);
  if (topic.kind == kWoken.kind)
    poller_.calm();
  else if (topic.kind != kChannel.kind)
    see(topic);
  else if (channel_)
    exchange(event.events);
}

void PoolThread::exchange(uint32_t events) {
  bool whole = true;
  if (events & EPOLLOUT) whole = channel_->flush();
  if (whole && (events & ~static_cast<uint32_t>(EPOLLOUT)))
    whole = channel_->receive([this](const Message& message) { understand(message); });
  if (!whole && broken_ == 0) broken_ = errno == 0 ? EPIPE : errno;
  if (broken_ == 0) watchChannel();
}

/// Until it takes what waits to be sent.
void PoolThread::watchChannel() {
  if (channel_->hasWaiting() == watchesWritable_) return;
  watchesWritable_ = channel_->hasWaiting();
  poller_.change(channel_->number(), watchesWritable_ ? EPOLLIN | EPOLLOUT : EPOLLIN, kChannel);
}

void PoolThread::lose() {
  int error = std::exchange(broken_, 0);
  channel_.reset();
  lost();
  report("ended", withErrno(error));
}

void PoolThread::send(const unsigned char* bytes, size_t length, Descriptor fd) {
  if (!reachesPool()) return;
  if (channel_->send(bytes, length, std::move(fd))) {
    if (channel_->hasWaiting()) watchChannel();
    return;
  }
  broken_ = errno;
  poller_.wake();
}

void PoolThread::send(const Message& message, Descriptor fd) {
  send(message.data(), message.size(), std::move(fd));
}

void PoolThread::refuse(const Message& question, std::string_view text) {
  send(refusalOf(headerOf(question), ECANCELED, text));
}

void PoolThread::report(const char* kind, node::Describe describe) const {
  node::postEvent(std::make_unique<node::Report>(type_, number_, kind, std::move(describe)));
}

void PoolThread::reportLater(const char* kind, node::Describe describe) const {
  node::queueEvent(std::make_unique<node::Report>(type_, number_, kind, std::move(describe)));
}

node::Describe withErrno(int error) {
  return [error](napi_env env, napi_value event) {
    node::set(env, event, "errno", node::number(env, error));
  };
}

node::Describe withMessage(const Message& message) {
  return [message](napi_env env, napi_value event) {
    node::set(env, event, "message", node::buffer(env, message.data(), message.size()));
  };
}

}  // namespace tlspool::pool
