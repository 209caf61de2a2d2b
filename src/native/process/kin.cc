#include "process/kin.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <map>
#include <mutex>
#include <string>

#include "process/program.h"
#include "socket/descriptor.h"

namespace tlspool::process {

namespace {

using socket::Descriptor;

/// PIDFD_THREAD of linux/pidfd.h (Linux 6.9).
constexpr unsigned kThread = O_EXCL;

/// struct pidfd_info of linux/pidfd.h in its first version; it may grow, which the number of the
/// call tells.
struct Info {
  uint64_t mask;
  uint64_t cgroup;
  uint32_t pid;
  uint32_t process;
  uint32_t parent;
  uint32_t ids[8];
  uint32_t rest;
};
static_assert(sizeof(Info) == 64);

/// PIDFD_INFO_PID: always told.
constexpr uint64_t kIds = 1;

/// False where the kernel cannot tell, or the task is gone.
bool ask(int pidfd, Kin* kin) {
  Info info{};
  info.mask = kIds;
  if (ioctl(pidfd, _IOWR(0xFF, 11, Info), &info) != 0) return false;
  *kin = {static_cast<pid_t>(info.process), static_cast<pid_t>(info.parent)};
  return true;
}

/// proc_pid_status(5).
Kin read(pid_t task) {
  Kin kin;
  FILE* status = fopen(("/proc/" + std::to_string(task) + "/status").c_str(), "re");
  if (!status) return kin;
  char line[256];
  while (fgets(line, sizeof line, status)) {
    sscanf(line, "Tgid: %d", &kin.process);
    if (sscanf(line, "PPid: %d", &kin.parent) == 1) break;
  }
  fclose(status);
  return kin;
}

Descriptor open(pid_t id, unsigned flags) {
  return Descriptor(static_cast<int>(syscall(SYS_pidfd_open, id, flags)));
}

struct Known {
  Descriptor pidfd;
  uint64_t started;
};

/// More are forgotten at once: each holds a descriptor.
constexpr size_t kMost = 64;

}  // namespace

Kin kinOf(pid_t task) {
  Kin kin;
  Descriptor pidfd = open(task, kThread);
  return pidfd && ask(pidfd.number(), &kin) ? kin : read(task);
}

uint64_t startOf(pid_t process) {
  static auto* mutex = new std::mutex;
  static auto* known = new std::map<pid_t, Known>;
  std::lock_guard lock(*mutex);
  auto found = known->find(process);
  if (found != known->end() && !hasEnded(found->second.pidfd.number()))
    return found->second.started;
  if (found != known->end()) known->erase(found);
  Descriptor pidfd = open(process, 0);
  uint64_t started = pidfd ? readStart(process) : 0;
  // It was alive after the reading: the number was its own.
  if (started == 0 || hasEnded(pidfd.number())) return 0;
  if (known->size() >= kMost) known->clear();
  known->emplace(process, Known{std::move(pidfd), started});
  return started;
}

}  // namespace tlspool::process
