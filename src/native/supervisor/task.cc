#include "supervisor/task.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "process/kin.h"

namespace tlspool::supervisor {

namespace {

using socket::Descriptor;

/// PIDFD_THREAD of linux/pidfd.h (Linux 6.9).
constexpr unsigned kThread = O_EXCL;

Descriptor openProcess(pid_t id, unsigned flags) {
  return Descriptor(static_cast<int>(syscall(SYS_pidfd_open, id, flags)));
}

std::string pathInProc(pid_t id, const char* file) {
  return "/proc/" + std::to_string(id) + "/" + file;
}

}  // namespace

pid_t Task::process() const { return process::kinOf(id_).process; }

std::string Task::executable() const {
  char path[PATH_MAX];
  ssize_t length = readlink(pathInProc(id_, "exe").c_str(), path, sizeof path);
  return length > 0 ? std::string(path, static_cast<size_t>(length)) : std::string();
}

Descriptor Task::fetch(int fd) const {
  // By thread first: once the leader of a process has exited, its process id gives ESRCH here.
  Descriptor task = openProcess(id_, kThread);
  if (!task && errno == EINVAL) task = openProcess(id_, 0);
  if (!task) task = openLeader();
  if (!task) return {};
  return Descriptor(static_cast<int>(syscall(SYS_pidfd_getfd, task.number(), fd, 0)));
}

bool Task::read(uint64_t address, void* to, size_t length) const {
  iovec ours{to, length};
  iovec theirs{reinterpret_cast<void*>(address), length};
  ssize_t done = process_vm_readv(id_, &ours, 1, &theirs, 1, 0);
  if (done >= 0 && static_cast<size_t>(done) < length) errno = EFAULT;
  return done >= 0 && static_cast<size_t>(done) == length;
}

bool Task::write(uint64_t address, const void* from, size_t length) const {
  iovec ours{const_cast<void*>(from), length};
  iovec theirs{reinterpret_cast<void*>(address), length};
  ssize_t done = process_vm_writev(id_, &ours, 1, &theirs, 1, 0);
  if (done >= 0 && static_cast<size_t>(done) < length) errno = EFAULT;
  return done >= 0 && static_cast<size_t>(done) == length;
}

Descriptor Task::openLeader() const {
  pid_t leader = process();
  if (leader > 0) return openProcess(leader, 0);
  errno = ESRCH;
  return {};
}

}  // namespace tlspool::supervisor
