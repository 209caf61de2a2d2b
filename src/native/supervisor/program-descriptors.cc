#include "supervisor/program-descriptors.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "async/thread.h"
#include "supervisor/socket-facts.h"

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

/// Duplicates out of the way of the numbers that are to be taken. Lives on a thread with a table of
/// descriptors of its own, with which it goes.
class Mover {
 public:
  /// @param highest number that will be taken
  explicit Mover(int highest) : highest_(highest) {}

  /// Negative with errno.
  int keep(int fd) const { return fcntl(fd, F_DUPFD_CLOEXEC, highest_ + 1); }

  /// False with errno, and nothing changed. `epoll`, `from` and `to` are kept.
  static bool move(const Registration& watched, int epoll, int from, int to) {
    if (!take(from, watched.fd)) return false;
    if (epoll_ctl(epoll, EPOLL_CTL_DEL, watched.fd, nullptr) != 0) {
      // Its number is that of another socket's registration, or another process has moved it.
      return errno == ENOENT;
    }
    if (take(to, watched.fd) && add(epoll, watched)) return true;
    int error = errno;
    if (take(from, watched.fd)) add(epoll, watched);
    errno = error;
    return false;
  }

 private:
  static bool take(int kept, int number) { return dup2(kept, number) >= 0; }

  static bool add(int epoll, const Registration& watched) {
    epoll_event event = watched.event;
    return epoll_ctl(epoll, EPOLL_CTL_ADD, watched.fd, &event) == 0 || errno == EEXIST;
  }

  int highest_;
};

/// With a table of descriptors that is this thread's alone; 0 or errno.
int moveAll(const std::vector<Registration>& all, const std::vector<Descriptor>& instances,
            int original, int replacement) {
  int highest = 0;
  for (const Registration& each : all) highest = std::max(highest, each.fd);
  Mover mover(highest);
  int from = mover.keep(original);
  int to = from < 0 ? -1 : mover.keep(replacement);
  if (to < 0) return errno;
  std::vector<int> epolls;
  for (const Descriptor& instance : instances) {
    epolls.push_back(mover.keep(instance.number()));
    if (epolls.back() < 0) return errno;
  }
  for (size_t i = 0; i < all.size(); i++) {
    if (Mover::move(all[i], epolls[i], from, to)) continue;
    int error = errno;
    while (i-- > 0) Mover::move(all[i], epolls[i], to, from);
    return error;
  }
  return 0;
}

/// On a thread of its own; 0 or errno.
int moveAside(const std::vector<Registration>& all, const std::vector<Descriptor>& instances,
              int original, int replacement) {
  if (unshare(CLONE_FILES) != 0) return errno;
  int error = moveAll(all, instances, original, replacement);
  // The kernel gives the table up only after it has told that the thread is over, and by then the
  // program may have closed its listener and want the port again.
  syscall(SYS_close_range, 0U, ~0U, 0U);
  return error;
}

/// epoll knows what it watches by file and number: to change that from outside takes the program's
/// number here too, so this runs on a thread with a table of descriptors of its own, whose numbers
/// are gone with it. False with errno, and nothing moved.
bool move(const Notification& call, const std::vector<Registration>& all, int original,
          int replacement) {
  if (all.empty()) return true;
  std::vector<Descriptor> instances;
  for (const Registration& each : all) {
    instances.push_back(call.fetch(each.epoll));
    if (!instances.back()) return false;
  }
  int error = 0;
  async::Thread aside;
  if (!aside.start("tlspool-move", [&] { error = moveAside(all, instances, original, replacement); }))
    return false;
  aside.join();
  errno = error;
  return error == 0;
}

}  // namespace

namespace {

/// Whether the number is still that of the socket: another thread of the program may have closed it
/// and opened something else, which is not ours to replace.
bool isStill(const Notification& call, int number, uint64_t cookie) {
  Descriptor now = call.fetch(number);
  return now && cookieOf(now.number()) == cookie;
}

}  // namespace

bool replaceEverywhere(const Notification& call, int original, int replacement) {
  Found found = look(call, original);
  uint64_t cookie = cookieOf(original);
  int first = call.descriptorArgument(0);
  std::vector<Registration> watched = registrations(call, found);
  // The one that the call is about comes last: were it in its place, another listen() would
  // succeed.
  if (!move(call, watched, original, replacement)) return false;
  for (int number : found.sockets) {
    if (number == first || !isStill(call, number, cookie)) continue;
    if (!call.replace(replacement, number, closesOnExec(call, number))) return false;
  }
  bool closes = closesOnExec(call, first);
  if (!isStill(call, first, cookie)) {
    errno = EBADF;
    return false;
  }
  return call.replace(replacement, first, closes);
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
