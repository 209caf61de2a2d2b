#define _GNU_SOURCE
#include "guardian.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "failure.h"

struct Ward {
  pid_t parent;
  pid_t program;
  int status;  // of the program, once it has ended
  bool ended;
  bool terminated;  // wrap sent SIGTERM
};

static void watch(struct Ward* ward, int parent, int signals) __attribute__((noreturn));
static void closeAllBut(int one, int another, int third);

void guard(pid_t parent) {
  int life = (int)syscall(SYS_pidfd_open, parent, 0);
  if (life < 0) fail(kOurFailure, "launcher: cannot follow wrap's life", NULL, strerror(errno));
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
    fail(kOurFailure, "launcher: cannot keep the program's descendants", NULL, strerror(errno));
  sigset_t all, before;
  sigfillset(&all);
  sigdelset(&all, SIGTSTP);
  sigdelset(&all, SIGTTIN);
  sigdelset(&all, SIGTTOU);
  sigprocmask(SIG_SETMASK, &all, &before);
  int signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) fail(kOurFailure, "launcher: cannot hear signals", NULL, strerror(errno));
  pid_t guardian = getpid();
  pid_t child = fork();
  if (child < 0) fail(kOurFailure, "launcher: cannot fork", NULL, strerror(errno));
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != guardian) _exit(kOurFailure);
    close(signals);
    close(life);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return;
  }
  // Ours are held open for nobody; stderr stays for what there may be to say.
  closeAllBut(STDERR_FILENO, life, signals);
  struct Ward ward = {.parent = parent, .program = child};
  watch(&ward, life, signals);
}

// Below the highest one by one, and all above it at once (close_range(2), Linux 5.9), whatever
// their numbers.
static void closeAllBut(int one, int another, int third) {
  int highest = one > another ? one : another;
  if (third > highest) highest = third;
  for (int fd = 0; fd < highest; fd++)
    if (fd != one && fd != another && fd != third) close(fd);
  syscall(SYS_close_range, (unsigned)highest + 1, ~0u, 0);
}

static void reap(struct Ward* ward);
static void passOn(struct Ward* ward, int signals);
static void terminateOrphans(void);
static void killAll(void);

static void watch(struct Ward* ward, int life, int signals) {
  struct pollfd waiting[] = {{.fd = life, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
  for (;;) {
    reap(ward);
    if (ward->ended && ward->terminated) terminateOrphans();
    if (poll(waiting, 2, -1) < 0 && errno != EINTR) {
      killAll();
      _exit(kOurFailure);
    }
    if (waiting[0].revents) {
      killAll();
      _exit(kOurFailure);
    }
    if (waiting[1].revents) passOn(ward, signals);
  }
}

static void endLike(int status) __attribute__((noreturn));

// Those that got SIGTERM from us and were not waited for since.
static struct {
  pid_t* pids;
  size_t count, room;
} terminated;

static void forgetTerminated(void) { terminated.count = 0; }

static void forget(pid_t pid) {
  for (size_t i = 0; i < terminated.count; i++)
    if (terminated.pids[i] == pid) terminated.pids[i--] = terminated.pids[--terminated.count];
}

static void reap(struct Ward* ward) {
  for (;;) {
    int status = 0;
    pid_t pid = waitpid(-1, &status, WNOHANG | __WALL);
    if (pid == ward->program) {
      ward->status = status;
      ward->ended = true;
    }
    if (pid < 0 && errno == ECHILD) endLike(ward->status);
    if (pid <= 0) return;
    forget(pid);
  }
}

// The status goes on to wrap as if the program were its own child.
static void endLike(int status) {
  if (!WIFSIGNALED(status)) _exit(WEXITSTATUS(status));
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, WTERMSIG(status));
  signal(WTERMSIG(status), SIG_DFL);
  kill(getpid(), WTERMSIG(status));
  sigprocmask(SIG_UNBLOCK, &only, NULL);
  _exit(128 + WTERMSIG(status));
}

static void forEachChild(pid_t parent, void (*visit)(pid_t, int), int argument);
static void sendSignal(pid_t pid, int number) { kill(pid, number); }

// What a terminal sends reaches the program by itself; what wrap sends is meant for it. A program
// that went into the background has left others in its place.
static void passOn(struct Ward* ward, int signals) {
  struct signalfd_siginfo info;
  while (read(signals, &info, sizeof info) == sizeof info) {
    int number = (int)info.ssi_signo;
    if ((pid_t)info.ssi_pid != ward->parent || number == SIGCHLD) continue;
    if (number == SIGTERM) ward->terminated = true;
    if (!ward->ended) {
      kill(ward->program, number);
    } else if (number == SIGTERM) {
      forgetTerminated();
    } else {
      forEachChild(getpid(), sendSignal, number);
    }
  }
}

static void terminateOnce(pid_t pid, int unused) {
  (void)unused;
  for (size_t i = 0; i < terminated.count; i++)
    if (terminated.pids[i] == pid) return;
  if (terminated.count == terminated.room) {
    size_t room = terminated.room ? 2 * terminated.room : 64;
    pid_t* pids = realloc(terminated.pids, room * sizeof *pids);
    if (!pids) return;
    terminated.pids = pids;
    terminated.room = room;
  }
  terminated.pids[terminated.count++] = pid;
  kill(pid, SIGTERM);
}

// Nobody is left to tell the descendants of a program that ended to end: each is told when it
// becomes a child of ours, and by that whoever told it (a daemon its workers) has ended.
static void terminateOrphans(void) { forEachChild(getpid(), terminateOnce, 0); }

static void killTree(pid_t pid, int unused) {
  (void)unused;
  // Stopped first: it starts nothing new while its own children are looked for.
  kill(pid, SIGSTOP);
  forEachChild(pid, killTree, 0);
  kill(pid, SIGKILL);
}

// Whatever escaped the first round by being started in it is a child of ours by the second.
static void killAll(void) {
  for (;;) {
    forEachChild(getpid(), killTree, 0);
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0) continue;
    if (pid < 0 && errno == ECHILD) return;
    poll(NULL, 0, 2);
  }
}

static void forEachChildOf(const char* list, void (*visit)(pid_t, int), int argument) {
  FILE* file = fopen(list, "re");
  if (!file) return;
  int pid = 0;
  while (fscanf(file, "%d", &pid) == 1) visit(pid, argument);
  fclose(file);
}

// proc_tid_children(5): each thread has its own.
static void forEachChild(pid_t parent, void (*visit)(pid_t, int), int argument) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task", parent);
  DIR* threads = opendir(path);
  if (!threads) return;
  for (struct dirent* entry; (entry = readdir(threads));) {
    if (entry->d_name[0] == '.') continue;
    char list[400];
    snprintf(list, sizeof list, "%s/%s/children", path, entry->d_name);
    forEachChildOf(list, visit, argument);
  }
  closedir(threads);
}
