#include "supervisor/program-descriptors.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace tlspool::supervisor {

namespace {

using socket::Descriptor;

/// One descriptor as one epoll instance of the program watches it.
struct Registration {
  int epoll;
  int fd;
  epoll_event event;
};

struct Found {
  /// Numbers of the same socket.
  std::vector<int> sockets;
  std::vector<int> epolls;
};

std::string folder(const Notification& call, const char* name) {
  return "/proc/" + std::to_string(call.task().id()) + "/" + name + "/";
}

/// Sockets have inode numbers of their own (proc_pid_fd(5): socket:[INODE]), unique while they are
/// open, and `original` is held open by us.
Found look(const Notification& call, int original) {
  Found found;
  struct stat own {};
  if (fstat(original, &own) != 0) return found;
  std::string name = "socket:[" + std::to_string(own.st_ino) + "]";
  std::string path = folder(call, "fd");
  DIR* directory = opendir(path.c_str());
  if (!directory) return found;
  while (dirent* entry = readdir(directory)) {
    char target[64];
    ssize_t length = readlink((path + entry->d_name).c_str(), target, sizeof target);
    if (length <= 0) continue;
    std::string_view link(target, static_cast<size_t>(length));
    if (link == name) found.sockets.push_back(atoi(entry->d_name));
    if (link == "anon_inode:[eventpoll]") found.epolls.push_back(atoi(entry->d_name));
  }
  closedir(directory);
  return found;
}

/// Calls `line` for each line of a descriptor's fdinfo.
template <typename Line>
void readInfo(const Notification& call, int fd, Line line) {
  FILE* info = fopen((folder(call, "fdinfo") + std::to_string(fd)).c_str(), "re");
  if (!info) return;
  char text[256];
  while (fgets(text, sizeof text, info)) line(text);
  fclose(info);
}

/// proc_pid_fdinfo(5): the flags are octal, close-on-exec among them.
bool closesOnExec(const Notification& call, int fd) {
  unsigned flags = 0;
  readInfo(call, fd, [&flags](const char* line) { sscanf(line, "flags: %o", &flags); });
  return flags & O_CLOEXEC;
}

std::vector<Registration> registrations(const Notification& call, const Found& found) {
  std::vector<Registration> result;
  for (int epoll : found.epolls) {
    readInfo(call, epoll, [&](const char* line) {
      int fd = -1;
      unsigned events = 0;
      unsigned long long data = 0;
      if (sscanf(line, "tfd: %d events: %x data: %llx", &fd, &events, &data) != 3) return;
      for (int number : found.sockets) {
        if (number != fd) continue;
        epoll_event event{};
        event.events = events;
        event.data.u64 = data;
        result.push_back({epoll, fd, event});
      }
    });
  }
  return result;
}

/// Numbers that a process rarely uses: out of the way of those that are to be taken.
int duplicateHigh(int fd) {
  for (int lowest = 1 << 16; lowest >= 256; lowest /= 2) {
    int result = fcntl(fd, F_DUPFD_CLOEXEC, lowest);
    if (result >= 0) return result;
  }
  return -1;
}

/// epoll knows what it watches by file and number: to change that from outside takes the program's
/// number here too, so this runs on a thread with a table of descriptors of its own, whose numbers
/// are gone with it.
void move(const Notification& call, const std::vector<Registration>& all, int original,
          int replacement) {
  if (all.empty()) return;
  std::vector<Descriptor> instances;
  for (const Registration& each : all) instances.push_back(call.fetch(each.epoll));
  std::thread([&] {
    if (unshare(CLONE_FILES) != 0) return;
    int old = duplicateHigh(original);
    int fresh = duplicateHigh(replacement);
    std::vector<int> epolls;
    for (const Descriptor& instance : instances) epolls.push_back(duplicateHigh(instance.number()));
    for (size_t i = 0; i < all.size(); i++) {
      epoll_event event = all[i].event;
      dup2(old, all[i].fd);
      epoll_ctl(epolls[i], EPOLL_CTL_DEL, all[i].fd, nullptr);
      dup2(fresh, all[i].fd);
      epoll_ctl(epolls[i], EPOLL_CTL_ADD, all[i].fd, &event);
    }
  }).join();
}

}  // namespace

bool replaceEverywhere(const Notification& call, int original, int replacement) {
  Found found = look(call, original);
  int first = call.descriptorArgument(0);
  std::vector<Registration> watched = registrations(call, found);
  bool closing = closesOnExec(call, first);
  if (!call.replace(replacement, first, closing)) return false;
  for (int number : found.sockets) {
    if (number != first) call.replace(replacement, number, closesOnExec(call, number));
  }
  move(call, watched, original, replacement);
  return true;
}

}  // namespace tlspool::supervisor
