#include "process/signals.h"

#include <cerrno>
#include <cstdio>
#include <string>

namespace tlspool::process {

bool signalWaits(pid_t thread) {
  FILE* status = fopen(("/proc/" + std::to_string(thread) + "/status").c_str(), "re");
  // Whoever is gone waits no more.
  if (!status) return errno == ENOENT;
  unsigned long long pending = 0;
  unsigned long long held = 0;
  char line[256];
  while (fgets(line, sizeof line, status)) {
    if (line[0] != 'S') continue;
    unsigned long long set = 0;
    if (sscanf(line, "SigPnd: %llx", &set) == 1 || sscanf(line, "ShdPnd: %llx", &set) == 1)
      pending |= set;
    else if (sscanf(line, "SigBlk: %llx", &set) == 1 || sscanf(line, "SigIgn: %llx", &set) == 1)
      held |= set;
  }
  fclose(status);
  return (pending & ~held) != 0;
}

}  // namespace tlspool::process
