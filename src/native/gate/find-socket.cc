#include "gate/find-socket.h"

#include <dirent.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include "supervisor/socket-facts.h"

namespace tlspool::gate {

socket::Descriptor findSocket(const supervisor::Task& task, uint64_t cookie) {
  std::string path = "/proc/" + std::to_string(task.id()) + "/fd/";
  DIR* folder = opendir(path.c_str());
  if (!folder) return {};
  socket::Descriptor found;
  while (dirent* entry = readdir(folder)) {
    char target[64];
    ssize_t length = readlink((path + entry->d_name).c_str(), target, sizeof target);
    if (length <= 0 ||
        !std::string_view(target, static_cast<size_t>(length)).starts_with("socket:"))
      continue;
    socket::Descriptor fd = task.fetch(atoi(entry->d_name));
    if (!fd || supervisor::cookieOf(fd.number()) != cookie) continue;
    found = std::move(fd);
    break;
  }
  closedir(folder);
  return found;
}

}  // namespace tlspool::gate
