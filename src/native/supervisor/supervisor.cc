#include "supervisor/supervisor.h"

#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>
#include <set>

#include "async/thread.h"
#include "supervisor/filter.h"
#include "supervisor/handlers.h"

// Linux 6.6: the supervisor runs on the processor of the call that wakes it, which halves the time
// of a round trip.
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

namespace tlspool::supervisor {

namespace {

/// Handlers never wait for long: few threads are enough, and none is idle for want of another.
constexpr int kWorkers = 3;

/// Until a call is received a signal can interrupt it, which programs do not expect of most: the thread
/// that receives goes first, where it may.
void goFirst() {
  sched_param priority{};
  priority.sched_priority = 1;
  pthread_setschedparam(pthread_self(), SCHED_FIFO, &priority);
}

void nameThread(const char* name) { pthread_setname_np(pthread_self(), name); }

}  // namespace

std::shared_ptr<Supervisor> Supervisor::start(int64_t id, socket::Descriptor channel) {
  std::shared_ptr<Supervisor> supervisor(new Supervisor(id, std::move(channel)));
  bool runs = true;
  for (int i = 0; runs && i < kWorkers; i++)
    runs = async::runApart([supervisor] { supervisor->work(); });
  // Last: it takes calls that the others are there to answer.
  if (runs && async::runApart([supervisor] { supervisor->receive(); })) return supervisor;
  supervisor->stop();
  return nullptr;
}

Supervisor::Supervisor(int64_t id, socket::Descriptor channel)
    : channel_(std::make_shared<const socket::Descriptor>(std::move(channel))),
      questions_(id, [this](Job job) { run(std::move(job)); }),
      handlers_(makeHandlers(questions_)) {
  for (const auto& handler : handlers_) {
    for (const Trap& trap : handler->traps()) {
      auto& interested = byNumber_[trap.number];
      if (interested.empty() || interested.back() != handler.get()) {
        interested.push_back(handler.get());
      }
    }
  }
  ioctl(channel_->number(), SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
}

void Supervisor::receive() {
  nameThread("tlspool-traps");
  goFirst();
  for (;;) {
    pollfd waiting{channel_->number(), POLLIN, 0};
    if (poll(&waiting, 1, -1) < 0 && errno != EINTR) break;
    if (waiting.revents & POLLIN) {
      seccomp_notif call{};
      // ENOENT: the call was interrupted between the two.
      if (ioctl(channel_->number(), SECCOMP_IOCTL_NOTIF_RECV, &call) == 0) {
        auto notification = std::make_shared<Notification>(channel_, call);
        run([this, notification] { dispatch(notification); });
      } else if (errno != ENOENT && errno != EINTR) {
        break;
      }
    } else if (waiting.revents & (POLLHUP | POLLERR | POLLNVAL)) {
      // The last task under the filter is gone (Linux 5.7).
      break;
    }
  }
  end();
}

void Supervisor::work() {
  nameThread("tlspool-handler");
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ended_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

void Supervisor::run(Job job) {
  {
    std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  changed_.notify_one();
}

void Supervisor::dispatch(std::shared_ptr<Notification> call) {
  if (!isNativeCall(call->arch(), call->number())) {
    refuseForeign(*call);
    return;
  }
  for (Handler* handler : byNumber_[call->number()]) {
    if (!handler->wants(*call)) continue;
    handler->handle(std::move(call));
    return;
  }
  call->proceed();
}

/// A program of another architecture would go round every trap: it does not run at all.
void Supervisor::refuseForeign(Notification& call) {
  std::string executable = call.task().executable();
  pid_t process = call.task().process();
  questions_.tell("foreign", [executable, process](napi_env env, napi_value event) {
    node::set(env, event, "executable", node::string(env, executable));
    node::set(env, event, "pid", node::number(env, process));
  });
  call.kill();
  call.fail(ENOSYS);
}

void Supervisor::stop() {
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
}

void Supervisor::end() {
  stop();
  questions_.tell("ended", nullptr);
}

}  // namespace tlspool::supervisor
