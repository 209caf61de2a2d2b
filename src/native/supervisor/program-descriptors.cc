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

std::string folder(pid_t task, const char* name) {
  return "/proc/" + std::to_string(task) + "/" + name + "/";
}

/// Calls `entry` with the name of each in a folder, until it returns false.
template <typename Entry>
void list(const std::string& path, Entry entry) {
  DIR* directory = opendir(path.c_str());
  if (!directory) return;
  while (dirent* each = readdir(directory)) {
    if (!entry(each->d_name)) break;
  }
  closedir(directory);
}

/// Calls `descriptor` with the number of each that a task has, and with what it is, until it
/// returns false.
template <typename Visit>
void eachDescriptor(pid_t task, Visit descriptor) {
  std::string path = folder(task, "fd");
  list(path, [&](const char* name) {
    char target[64];
    ssize_t length = readlink((path + name).c_str(), target, sizeof target);
    if (length <= 0) return true;
    return descriptor(atoi(name), std::string_view(target, static_cast<size_t>(length)));
  });
}

/// Sockets have inode numbers of their own (proc_pid_fd(5)), unique while they are open.
std::string linkOf(ino_t inode) { return "socket:[" + std::to_string(inode) + "]"; }

/// `original` is held open by us.
Found look(const Notification& call, int original) {
  Found found;
  struct stat own {};
  if (fstat(original, &own) != 0) return found;
  std::string name = linkOf(own.st_ino);
  eachDescriptor(call.task().id(), [&](int number, std::string_view link) {
    if (link == name) found.sockets.push_back(number);
    if (link == "anon_inode:[eventpoll]") found.epolls.push_back(number);
    return true;
  });
  return found;
}

/// Calls `line` for each line of a descriptor's fdinfo.
template <typename Line>
void readInfo(const Notification& call, int fd, Line line) {
  FILE* info = fopen((folder(call.task().id(), "fdinfo") + std::to_string(fd)).c_str(), "re");
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

Descriptor fetchFromAnybody(ino_t inode, const std::function<bool(const Descriptor&)>& right) {
  std::string name = linkOf(inode);
  Descriptor result;
  list("/proc", [&](const char* entry) {
    pid_t process = atoi(entry);
    if (process <= 0) return true;
    eachDescriptor(process, [&](int number, std::string_view link) {
      if (link != name) return true;
      Descriptor candidate = Task(process).fetch(number);
      if (candidate && right(candidate)) result = std::move(candidate);
      return !result;
    });
    return !result;
  });
  return result;
}

}  // namespace tlspool::supervisor
