#include "process/descendants.h"

#include <dirent.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

namespace tlspool::process {

namespace {

/// proc_tid_children(5): each thread has its own.
std::vector<pid_t> childrenOf(pid_t parent) {
  std::vector<pid_t> result;
  std::string threads = "/proc/" + std::to_string(parent) + "/task/";
  DIR* directory = opendir(threads.c_str());
  if (!directory) return result;
  while (dirent* thread = readdir(directory)) {
    if (thread->d_name[0] == '.') continue;
    FILE* list = fopen((threads + thread->d_name + "/children").c_str(), "re");
    if (!list) continue;
    int pid = 0;
    while (fscanf(list, "%d", &pid) == 1) result.push_back(pid);
    fclose(list);
  }
  closedir(directory);
  return result;
}

int killTree(pid_t top) {
  int found = 1;
  // Stopped first: it starts nothing new while its own children are looked for.
  kill(top, SIGSTOP);
  for (pid_t child : childrenOf(top)) found += killTree(child);
  kill(top, SIGKILL);
  return found;
}

}  // namespace

bool keepDescendants() { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0; }

int killDescendants(const std::set<pid_t>& spared) {
  int found = 0;
  for (pid_t child : childrenOf(getpid())) {
    if (spared.count(child)) continue;
    found += killTree(child);
    waitpid(child, nullptr, WNOHANG);
  }
  return found;
}

}  // namespace tlspool::process
