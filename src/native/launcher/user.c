#define _GNU_SOURCE
#include "user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "failure.h"

static const struct passwd* findUser(const char* user);
static gid_t findGroup(const char* group);
static void announce(const struct passwd* entry);

void becomeUser(const char* user, const char* group) {
  if (!user && !group) return;
  const struct passwd* entry = user ? findUser(user) : NULL;
  gid_t gid = group ? findGroup(group) : entry->pw_gid;
  int grouped = entry ? initgroups(entry->pw_name, gid) : setgroups(1, &gid);
  if (grouped != 0 || setresgid(gid, gid, gid) != 0)
    fail(kOurFailure, "cannot run the program in the group of", group ? group : user,
         strerror(errno));
  if (!entry) return;
  if (setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid) != 0)
    fail(kOurFailure, "cannot run the program as", user, strerror(errno));
  announce(entry);
}

static const struct passwd* findUser(const char* user) {
  errno = 0;
  const struct passwd* entry = getpwnam(user);
  if (!entry) fail(kOurFailure, "there is no user", user, errno ? strerror(errno) : NULL);
  return entry;
}

static gid_t findGroup(const char* group) {
  errno = 0;
  const struct group* entry = getgrnam(group);
  if (!entry) fail(kOurFailure, "there is no group", group, errno ? strerror(errno) : NULL);
  return entry->gr_gid;
}

static void announce(const struct passwd* entry) {
  if (setenv("HOME", entry->pw_dir, 1) != 0 || setenv("USER", entry->pw_name, 1) != 0 ||
      setenv("LOGNAME", entry->pw_name, 1) != 0)
    fail(kOurFailure, "cannot tell the program its user", NULL, strerror(errno));
}
