#include "token/module-descriptors.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace tlspool::token {

namespace {

/// Descriptors above the standard three that a program started now would inherit; sorted.
std::vector<int> inheritable() {
  std::vector<int> result;
  std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir("/proc/self/fd"), closedir);
  if (!directory) return result;
  while (const dirent* entry = readdir(directory.get())) {
    const int fd = atoi(entry->d_name);
    if (fd <= STDERR_FILENO) continue;
    const int flags = fcntl(fd, F_GETFD);
    if (flags >= 0 && !(flags & FD_CLOEXEC)) result.push_back(fd);
  }
  std::sort(result.begin(), result.end());
  return result;
}

}  // namespace

ModuleDescriptors::ModuleDescriptors() : before_(inheritable()) {}

ModuleDescriptors::~ModuleDescriptors() {
  for (const int fd : inheritable()) {
    if (!std::binary_search(before_.begin(), before_.end(), fd)) fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
}

}  // namespace tlspool::token
