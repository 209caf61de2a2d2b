#define _GNU_SOURCE
#include "private_network.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { kBatch = 64 };

static const char* enter(void);
static bool raiseLoopback(void);
static bool makeAllLocal(int family);
static void set(const char* file, const char* value);
static void tellFailure(int channel, const char* what) __attribute__((noreturn));
static bool sendBatch(int channel, char kind);

void servePrivateNetwork(int channel) {
  // A terminal's signals are not for us; our end is that of the channel.
  signal(SIGINT, SIG_IGN);
  signal(SIGQUIT, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  signal(SIGTERM, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  const char* missing = enter();
  if (missing) tellFailure(channel, missing);
  if (!makeAllLocal(AF_INET)) tellFailure(channel, "a route for IPv4");
  makeAllLocal(AF_INET6);  // where the machine has no IPv6 no program has it either
  // Nothing gets lost here: connections need not be remembered after their end, so that a client
  // may use its port again.
  set("/proc/sys/net/ipv4/tcp_max_tw_buckets", "0");
  set("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
  set("/proc/sys/net/core/somaxconn", "65535");
  if (send(channel, "r", 1, MSG_NOSIGNAL) != 1) _exit(1);
  for (char kind; recv(channel, &kind, 1, 0) == 1;) {
    if (!sendBatch(channel, kind)) break;
  }
  _exit(0);
}

// Whoever may not make one, or not set it up (that takes CAP_NET_ADMIN), may in a user namespace of
// its own, unless that is forbidden too. Returns what is missing, NULL if nothing is.
static const char* enter(void) {
  static const char kNamespace[] = "a network namespace";
  static const char kLoopback[] = "a loopback interface";
  bool made = unshare(CLONE_NEWNET) == 0;
  if (made && raiseLoopback()) return NULL;
  if (errno != EPERM) return made ? kLoopback : kNamespace;
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return kNamespace;
  return raiseLoopback() ? NULL : kLoopback;
}

static bool raiseLoopback(void) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  struct ifreq request;
  memset(&request, 0, sizeof request);
  strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  bool done = ioctl(fd, SIOCSIFFLAGS, &request) == 0;
  int error = errno;
  close(fd);
  errno = error;
  return done;
}

// `ip route add local default dev lo`, by rtnetlink(7).
static bool makeAllLocal(int family) {
  struct {
    struct nlmsghdr header;
    struct rtmsg route;
    struct rtattr attribute;
    uint32_t interface;
  } request = {
      .header = {.nlmsg_len = sizeof request,
                 .nlmsg_type = RTM_NEWROUTE,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL},
      .route = {.rtm_family = (unsigned char)family,
                .rtm_table = RT_TABLE_LOCAL,
                .rtm_protocol = RTPROT_STATIC,
                .rtm_scope = RT_SCOPE_HOST,
                .rtm_type = RTN_LOCAL},
      .attribute = {.rta_len = RTA_LENGTH(sizeof(uint32_t)), .rta_type = RTA_OIF},
      .interface = if_nametoindex("lo"),
  };
  struct {
    struct nlmsghdr header;
    struct nlmsgerr error;
    char rest[256];
  } answer;
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) return false;
  bool done = send(fd, &request, sizeof request, 0) == (ssize_t)sizeof request &&
              recv(fd, &answer, sizeof answer, 0) >= (ssize_t)NLMSG_LENGTH(sizeof(int)) &&
              answer.header.nlmsg_type == NLMSG_ERROR;
  int error = done ? -answer.error.error : errno;
  close(fd);
  errno = error;
  return error == 0;
}

// What cannot be set has a default that works, with limits.
static void set(const char* file, const char* value) {
  int fd = open(file, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  if (write(fd, value, strlen(value)) < 0) errno = 0;
  close(fd);
}

static int make(char kind) {
  switch (kind) {
    case '4':
      return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
    case '6':
      return socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
    case 'u':
      return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP);
    case 'v':
      return socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP);
    case 'd':
      return socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    default:
      errno = EINVAL;
      return -1;
  }
}

// A second message says that ours are closed: until then closing one there would not end it.
static bool sendBatch(int channel, char kind) {
  int fds[kBatch];
  int count = 0;
  int wanted = kind == 'd' ? 1 : kBatch;
  while (count < wanted && (fds[count] = make(kind)) >= 0) count++;
  char control[CMSG_SPACE(sizeof fds)];
  memset(control, 0, sizeof control);
  struct iovec part = {.iov_base = &kind, .iov_len = 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (count > 0) {
    size_t length = (size_t)count * sizeof *fds;
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(length);
    struct cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(length);
    memcpy(CMSG_DATA(rights), fds, length);
  }
  bool sent = sendmsg(channel, &message, MSG_NOSIGNAL) == 1;
  for (int i = 0; i < count; i++) close(fds[i]);
  return sent && send(channel, ".", 1, MSG_NOSIGNAL) == 1;
}

static void tellFailure(int channel, const char* what) {
  uint32_t error = (uint32_t)errno;
  struct iovec parts[] = {{.iov_base = "e", .iov_len = 1},
                          {.iov_base = &error, .iov_len = sizeof error},
                          {.iov_base = (void*)what, .iov_len = strlen(what)}};
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};
  sendmsg(channel, &message, MSG_NOSIGNAL);
  _exit(1);
}
