#define _GNU_SOURCE
#include "supervised.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "failure.h"

enum { kMostInstructions = 4096 };

/// Calls are held but for signals that kill, so that they neither fail with an EINTR that the
/// program does not expect nor lose their result (Linux 5.19).
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

/// What wrap gets: src/core/wrap/supervisor/hand-over.ts reads it.
struct handOver {
  uint32_t error;  // errno; 0: the filter is installed
  int32_t pid;
  int32_t fd;  // a descriptor of this process to try pidfd_getfd on
  uint32_t padding;
  uint64_t address;  // where this process has
  uint64_t secret;   // this, to try process_vm_readv on
};

static void receiveAll(int channel, void* to, size_t length);
static int install(const struct sock_fprog* program);
static void handOver(int channel, int notifications, int error);

void comeUnderSupervision(int channel) {
  static struct sock_filter code[kMostInstructions];
  uint32_t count = 0;
  receiveAll(channel, &count, sizeof count);
  if (count > kMostInstructions) fail(kOurFailure, "launcher: filter too long", NULL, NULL);
  receiveAll(channel, code, count * sizeof *code);
  struct sock_fprog program = {.len = (unsigned short)count, .filter = code};
  int notifications = install(&program);
  handOver(channel, notifications, notifications < 0 ? errno : 0);
  if (notifications >= 0) close(notifications);
  char word = 0;
  if (recv(channel, &word, 1, 0) != 1 || word != 'g') _exit(kOurFailure);
  close(channel);
}

/// Without the right to set up a filter for whatever it may execute, a process has to give up
/// gaining rights by that: setuid programs among its descendants run without theirs.
static int install(const struct sock_fprog* program) {
  const unsigned flags[] = {
      SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
      SECCOMP_FILTER_FLAG_NEW_LISTENER,
  };
  for (int attempt = 0; attempt < 2; attempt++) {
    int fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags[attempt], program);
    if (fd >= 0) return fd;
    if (errno == EACCES && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) {
      fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags[attempt], program);
      if (fd >= 0) return fd;
    }
    if (errno != EINVAL) break;
  }
  return -1;
}

static void handOver(int channel, int notifications, int error) {
  static uint64_t secret;
  struct handOver message = {.error = (uint32_t)error, .pid = getpid(), .fd = channel};
  if (getrandom(&secret, sizeof secret, 0) != sizeof secret) secret = (uint64_t)getpid();
  // JavaScript reads it as a number.
  secret &= (UINT64_C(1) << 52) - 1;
  message.address = (uint64_t)(uintptr_t)&secret;
  message.secret = secret;
  char control[CMSG_SPACE(sizeof(int))];
  memset(control, 0, sizeof control);
  struct iovec part = {.iov_base = &message, .iov_len = sizeof message};
  struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
  if (notifications >= 0) {
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    struct cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(rights), &notifications, sizeof(int));
  }
  if (sendmsg(channel, &header, MSG_NOSIGNAL) != sizeof message) _exit(kOurFailure);
}

static void receiveAll(int channel, void* to, size_t length) {
  char* next = to;
  while (length > 0) {
    ssize_t got = recv(channel, next, length, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) _exit(kOurFailure);
    next += got;
    length -= (size_t)got;
  }
}
