#include "supervisor/probe.h"

#include <linux/seccomp.h>
#include <sys/ioctl.h>

#include <cerrno>

#include "supervisor/task.h"

namespace tlspool::supervisor {

namespace {

/// ENOENT: no call waits, and that is as far as it went. EINVAL: a kernel before 5.14.
bool canAnswerWithDescriptors(int channel) {
  seccomp_notif_addfd order{};
  order.flags = SECCOMP_ADDFD_FLAG_SEND;
  return ioctl(channel, SECCOMP_IOCTL_NOTIF_ADDFD, &order) == 0 || errno == ENOENT;
}

}  // namespace

Probe probe(int channel, pid_t process, int fd, uint64_t address, uint64_t secret) {
  Task task(process);
  if (!canAnswerWithDescriptors(channel)) return {"SECCOMP_ADDFD_FLAG_SEND", errno};
  if (!task.fetch(fd)) return {"pidfd_getfd", errno};
  uint64_t value = 0;
  if (!task.read(address, &value, sizeof value)) return {"process_vm_readv", errno};
  if (value != secret) return {"process_vm_readv", EFAULT};
  if (!task.write(address, &value, sizeof value)) return {"process_vm_writev", errno};
  return {};
}

}  // namespace tlspool::supervisor
