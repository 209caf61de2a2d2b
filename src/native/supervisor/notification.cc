#include "supervisor/notification.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace tlspool::supervisor {

namespace {

/// The kernel's own code for "a signal came" (linux/errno.h: ERESTARTSYS): never seen by the
/// program, it becomes EINTR or a restart.
constexpr int kRestart = 512;

/// ioctl(2). The kernel waits for a lock of its own first, in which a tracer, a freezer or a signal
/// interrupts it: an answer would be lost so, and the program wait for ever.
int order(int channel, unsigned long what, const void* with) {
  int result;
  do {
    result = ioctl(channel, what, with);
  } while (result < 0 && errno == EINTR);
  return result;
}

}  // namespace

Notification::Notification(std::shared_ptr<const socket::Descriptor> channel,
                           const seccomp_notif& call)
    : channel_(std::move(channel)), call_(call) {}

Notification::~Notification() {
  if (!answered_) fail(EACCES);
}

bool Notification::valid() const {
  return order(channel_->number(), SECCOMP_IOCTL_NOTIF_ID_VALID, &call_.id) == 0;
}

socket::Descriptor Notification::fetch(int fd) const {
  socket::Descriptor result = task().fetch(fd);
  int error = errno;
  if (!valid()) {
    errno = ESRCH;
    return {};
  }
  errno = error;
  return result;
}

void Notification::kill() const {
  // Who has the caller's number while the call still waits is the caller.
  socket::Descriptor process = task().openLeader();
  if (process && valid()) {
    syscall(SYS_pidfd_send_signal, process.number(), SIGKILL, nullptr, 0);
  }
}

bool Notification::read(uint64_t address, void* to, size_t length) const {
  if (!task().read(address, to, length)) return false;
  if (valid()) return true;
  errno = ESRCH;
  return false;
}

bool Notification::write(uint64_t address, const void* from, size_t length) const {
  if (valid()) return task().write(address, from, length);
  errno = ESRCH;
  return false;
}

std::optional<socket::Address> Notification::readAddress(int addressArgument,
                                                         int lengthArgument) const {
  socket::Address address;
  auto length = static_cast<int64_t>(static_cast<int>(argument(lengthArgument)));
  if (length < static_cast<int64_t>(sizeof(sa_family_t)) ||
      length > static_cast<int64_t>(sizeof address.storage)) {
    errno = EINVAL;
    return std::nullopt;
  }
  address.length = static_cast<socklen_t>(length);
  if (!read(argument(addressArgument), &address.storage, address.length)) return std::nullopt;
  return address;
}

bool Notification::writeAddress(int addressArgument, int lengthArgument,
                                const socket::Address& value) const {
  uint64_t address = argument(addressArgument);
  uint64_t length = argument(lengthArgument);
  if (address == 0) return true;
  socklen_t room = 0;
  if (!read(length, &room, sizeof room)) return false;
  if (static_cast<int>(room) < 0) {
    errno = EINVAL;
    return false;
  }
  return write(address, &value.storage, std::min(room, value.length)) &&
         write(length, &value.length, sizeof value.length);
}

bool Notification::replace(int fd, int number, bool closeOnExec) const {
  seccomp_notif_addfd gift{};
  gift.id = call_.id;
  gift.srcfd = static_cast<uint32_t>(fd);
  gift.newfd = static_cast<uint32_t>(number);
  gift.flags = SECCOMP_ADDFD_FLAG_SETFD;
  gift.newfd_flags = closeOnExec ? O_CLOEXEC : 0;
  return order(channel_->number(), SECCOMP_IOCTL_NOTIF_ADDFD, &gift) >= 0;
}

void Notification::finish(int64_t value) { answer(value, 0, 0); }
void Notification::fail(int error) { answer(0, -error, 0); }
void Notification::proceed() { answer(0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE); }
void Notification::interrupt() { answer(0, -kRestart, 0); }

bool Notification::finishWith(int fd, bool closeOnExec) {
  seccomp_notif_addfd gift{};
  gift.id = call_.id;
  gift.srcfd = static_cast<uint32_t>(fd);
  gift.flags = SECCOMP_ADDFD_FLAG_SEND;
  gift.newfd_flags = closeOnExec ? O_CLOEXEC : 0;
  if (order(channel_->number(), SECCOMP_IOCTL_NOTIF_ADDFD, &gift) < 0) return false;
  answered_ = true;
  return true;
}

void Notification::answer(int64_t value, int error, uint32_t flags) {
  if (answered_) return;
  answered_ = true;
  seccomp_notif_resp response{};
  response.id = call_.id;
  response.val = value;
  response.error = error;
  response.flags = flags;
  // ENOENT: the call is over, by a signal or the end of its thread. Nobody waits for this answer.
  order(channel_->number(), SECCOMP_IOCTL_NOTIF_SEND, &response);
}

}  // namespace tlspool::supervisor
