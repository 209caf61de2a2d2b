// Starts one program the way systemd would: `launcher [OPTION]… -- CMD [ARG]…` prepares its own
// environment and becomes CMD, so that CMD has the pid that LISTEN_PID names. A shell could not do
// this: it drops environment variables whose names are not identifiers (`a.b`).
//
//   --listen-fds N       descriptors 3 … 3+N-1 are listening sockets for CMD (sd_listen_fds(3))
//   --fdnames A:B        their names, for LISTEN_FDNAMES
//   --setenv NAME=VALUE  may be repeated
//   --parent PID         CMD gets SIGTERM when the process PID, which started us, dies
//   --nofile N           CMD's soft limit of open files
//   --user NAME          CMD runs as this user, with its groups; HOME, USER and LOGNAME say so
//   --group NAME         CMD runs in this group, instead of the user's own
//   --supervise FD       CMD runs under the filter that PID sends over the socket FD
//   (supervised.h), and
//                        is killed with all that it started when PID dies (guardian.h); needs
//                        --parent
//
// `launcher --private-network FD` serves sockets of a network namespace instead
// (private_network.h).
//
// Without --listen-fds, CMD sees no LISTEN_… variable: those that are there were meant for our
// parent. Exit codes, when CMD never ran: 125 we were called wrongly, 126 it cannot be executed,
// 127 not found.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "failure.h"
#include "guardian.h"
#include "private_network.h"
#include "supervised.h"
#include "user.h"

enum { kFirstListenFd = 3 };

struct Order {
  long listen_fds;  // -1: none asked for
  const char* fdnames;
  long parent;     // 0: none
  long supervise;  // -1: not asked for
  long nofile;     // -1: as it is
  const char* user;
  const char* group;
  char** command;
};

static struct Order readOrder(char** arguments);
static void passListeners(const struct Order* order);
static void endWithParent(long parent);
static void passWatchdog(long parent);
static void limitFiles(long nofile);
static void run(char** command) __attribute__((noreturn));
static long number(const char* option, const char* text);

int main(int argc, char** argv) {
  if (argc == 3 && strcmp(argv[1], "--private-network") == 0)
    servePrivateNetwork((int)number(argv[1], argv[2]));
  const struct Order order = readOrder(argv + 1);
  if (order.supervise >= 0) {
    if (getppid() != order.parent) fail(kOurFailure, "launcher: the parent is gone", NULL, NULL);
    guard((pid_t)order.parent);
    passListeners(&order);
    comeUnderSupervision((int)order.supervise);
    becomeUser(order.user, order.group);
    // Whoever becomes another user has to say this again.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
  } else {
    passListeners(&order);
    becomeUser(order.user, order.group);
    endWithParent(order.parent);
  }
  passWatchdog(order.parent);
  limitFiles(order.nofile);
  run(order.command);
}

static struct Order readOrder(char** arguments) {
  struct Order order = {
      .listen_fds = -1, .fdnames = NULL, .parent = 0, .supervise = -1, .nofile = -1};
  for (char** next = arguments; *next; next++) {
    const char* option = *next;
    if (strcmp(option, "--") == 0) {
      order.command = next + 1;
      break;
    }
    const char* value = next[1];
    if (!value) fail(kOurFailure, "launcher: no value for", option, NULL);
    if (strcmp(option, "--listen-fds") == 0) {
      order.listen_fds = number(option, value);
    } else if (strcmp(option, "--fdnames") == 0) {
      order.fdnames = value;
    } else if (strcmp(option, "--parent") == 0) {
      order.parent = number(option, value);
    } else if (strcmp(option, "--supervise") == 0) {
      order.supervise = number(option, value);
    } else if (strcmp(option, "--nofile") == 0) {
      order.nofile = number(option, value);
    } else if (strcmp(option, "--user") == 0) {
      order.user = value;
    } else if (strcmp(option, "--group") == 0) {
      order.group = value;
    } else if (strcmp(option, "--setenv") == 0) {
      // putenv keeps the name as it is, whatever characters it has.
      if (!strchr(value, '=') || *value == '=' || putenv(next[1]) != 0)
        fail(kOurFailure, "launcher: not NAME=VALUE:", value, NULL);
    } else {
      fail(kOurFailure, "launcher: unknown option", option, NULL);
    }
    next++;
  }
  if (!order.command || !order.command[0])
    fail(kOurFailure, "launcher: no program given after", "--", NULL);
  return order;
}

static void setNumber(const char* name, long value);

static void passListeners(const struct Order* order) {
  unsetenv("LISTEN_PID");
  unsetenv("LISTEN_PIDFDID");
  unsetenv("LISTEN_FDS");
  unsetenv("LISTEN_FDNAMES");
  if (order->listen_fds < 0) return;
  for (int fd = kFirstListenFd; fd < kFirstListenFd + order->listen_fds; fd++) {
    if (fcntl(fd, F_SETFD, 0) != 0)
      fail(kOurFailure, "launcher: a listening socket was not passed", NULL, strerror(errno));
  }
  setNumber("LISTEN_PID", getpid());
  setNumber("LISTEN_FDS", order->listen_fds);
  if (order->fdnames && setenv("LISTEN_FDNAMES", order->fdnames, 1) != 0)
    fail(kOurFailure, "launcher: cannot set", "LISTEN_FDNAMES", strerror(errno));
}

// The signal survives exec; the parent may have died before it was asked for.
static void endWithParent(long parent) {
  if (parent == 0) return;
  if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0)
    fail(kOurFailure, "launcher: cannot follow the parent's life", NULL, strerror(errno));
  if (getppid() != parent) fail(kOurFailure, "launcher: the parent is gone", NULL, NULL);
}

// sd_watchdog_enabled(3): what was asked of wrap is the program's to answer.
static void passWatchdog(long parent) {
  const char* watched = getenv("WATCHDOG_PID");
  if (parent != 0 && watched && number("WATCHDOG_PID", watched) == parent)
    setNumber("WATCHDOG_PID", getpid());
}

// wrap needs many open files itself; the program has as many as it would have had without.
static void limitFiles(long nofile) {
  struct rlimit limit;
  if (nofile < 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = (rlim_t)nofile;
  setrlimit(RLIMIT_NOFILE, &limit);
}

static void run(char** command) {
  if (command[0][0] == '\0') fail(kNotFound, "program not found:", "''", NULL);
  execvp(command[0], command);
  if (errno == ENOENT || errno == ENOTDIR) fail(kNotFound, "program not found:", command[0], NULL);
  fail(kCannotExecute, "program cannot be executed:", command[0], strerror(errno));
}

static void setNumber(const char* name, long value) {
  char text[24];
  snprintf(text, sizeof text, "%ld", value);
  if (setenv(name, text, 1) != 0) fail(kOurFailure, "launcher: cannot set", name, strerror(errno));
}

static long number(const char* option, const char* text) {
  char* end = NULL;
  errno = 0;
  const long value = strtol(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || value < 0)
    fail(kOurFailure, "launcher: not a number for", option, NULL);
  return value;
}
