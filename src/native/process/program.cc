#include "process/program.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <sstream>

#include "socket/descriptor.h"

namespace tlspool::process {

namespace {

using socket::Descriptor;

std::string placeOf(pid_t pid, const char* name) {
  return "/proc/" + std::to_string(pid) + "/" + name;
}

/// Empty if it cannot be read; files of /proc are short.
std::string textOf(const std::string& path) {
  Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  if (!file) return text;
  char chunk[4096];
  for (;;) {
    ssize_t length = read(file.number(), chunk, sizeof chunk);
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) return text;
    text.append(chunk, length);
  }
}

/// Field 4 is the parent, field 22 the start; the name in field 2 may hold anything but the last
/// parenthesis (proc_pid_stat(5)).
bool readStat(pid_t pid, Program& program) {
  std::string stat = textOf(placeOf(pid, "stat"));
  size_t end = stat.rfind(')');
  if (end == std::string::npos) return false;
  std::istringstream fields(stat.substr(end + 1));
  std::string state;
  fields >> state >> program.parent;
  std::string skipped;
  for (int field = 5; field < 22; field++) fields >> skipped;
  fields >> program.started;
  return !fields.fail();
}

std::vector<uint32_t> numbersIn(const std::string& status, const std::string& label) {
  std::vector<uint32_t> numbers;
  size_t start = status.find("\n" + label + ":");
  if (start == std::string::npos) return numbers;
  start += label.size() + 2;
  std::istringstream line(status.substr(start, status.find('\n', start) - start));
  for (uint32_t number; line >> number;) numbers.push_back(number);
  return numbers;
}

bool readStatus(pid_t pid, Program& program) {
  std::string status = textOf(placeOf(pid, "status"));
  program.uids = numbersIn(status, "Uid");
  program.gids = numbersIn(status, "Gid");
  program.groups = numbersIn(status, "Groups");
  return program.uids.size() == 4 && program.gids.size() == 4;
}

bool endsWith(const std::string& text, const std::string& end) {
  return text.size() > end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

std::string executableOf(pid_t pid) {
  char path[PATH_MAX];
  ssize_t length = readlink(placeOf(pid, "exe").c_str(), path, sizeof path);
  return length > 0 ? std::string(path, length) : std::string();
}

/// The first unit below slices of the system: what a user's own manager runs is below
/// `user@1000.service` of `user.slice`, and may have any name.
std::string unitOf(pid_t pid) {
  std::istringstream lines(textOf(placeOf(pid, "cgroup")));
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("0::/", 0) != 0) continue;
    std::istringstream parts(line.substr(4));
    for (std::string part; std::getline(parts, part, '/');) {
      if (part == "user.slice") return {};
      if (endsWith(part, ".service") || endsWith(part, ".scope")) return part;
      if (!endsWith(part, ".slice")) return {};
    }
  }
  return {};
}

}  // namespace

bool hasEnded(int pidfd) {
  pollfd state{pidfd, POLLIN, 0};
  int ready;
  // A signal interrupts even a poll that does not wait.
  do {
    ready = poll(&state, 1, 0);
  } while (ready < 0 && errno == EINTR);
  return ready != 0;
}

uint64_t readStart(pid_t pid) {
  Program program;
  return readStat(pid, program) ? program.started : 0;
}

std::optional<Program> readProgram(pid_t pid) {
  Descriptor process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!process) return std::nullopt;
  Program program;
  program.pid = pid;
  bool complete = readStat(pid, program) && readStatus(pid, program);
  program.executable = executableOf(pid);
  program.unit = unitOf(pid);
  if (complete && !hasEnded(process.number())) return program;
  errno = ESRCH;
  return std::nullopt;
}

}  // namespace tlspool::process
