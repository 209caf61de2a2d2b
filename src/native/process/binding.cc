#include "process/binding.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <termios.h>

#include <cerrno>

#include "node/values.h"
#include "process/descendants.h"
#include "process/kin.h"
#include "process/program.h"
#include "process/signals.h"
#include "socket/address.h"
#include "socket/descriptor.h"

namespace tlspool::process {

namespace {

using node::Arguments;
using socket::Descriptor;

/// `lockFile(path) → fd`, or undefined if another process holds the lock. The file is made if need
/// be; the lock ends with the descriptor.
napi_value lockFile(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  std::string path = arguments.text(0);
  if (!arguments.ok()) return nullptr;
  Descriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return node::throwErrno(env, errno, path);
  if (flock(file.number(), LOCK_EX | LOCK_NB) == 0) return node::number(env, file.release());
  if (errno == EWOULDBLOCK) return node::undefined(env);
  return node::throwErrno(env, errno, path);
}

/// `forbidDumps()`: no core is written, and no process of the same user reads our memory.
napi_value forbidDumps(napi_env env, napi_callback_info) {
  rlimit none{0, 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0)
    return node::throwErrno(env, errno, "cannot forbid core dumps");
  return node::undefined(env);
}

/// `raiseFileLimit() → number`: as many open files as the hard limit allows.
napi_value raiseFileLimit(napi_env env, napi_callback_info) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return node::throwErrno(env, errno, "cannot read the limit of open files");
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
    return node::throwErrno(env, errno, "cannot raise the limit of open files");
  return node::number(env, static_cast<double>(limit.rlim_cur));
}

/// `sendDatagram(path, text)`: to a UNIX datagram socket; a leading `@` names the abstract space,
/// as in sd_notify(3).
napi_value sendDatagram(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  std::string path = arguments.text(0);
  std::string text = arguments.text(1);
  if (!arguments.ok()) return nullptr;
  if (!path.empty() && path[0] == '@') path[0] = '\0';
  auto address = socket::unixAddress(path);
  if (!address) return node::throwErrno(env, ENAMETOOLONG, path);
  Descriptor sender(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!sender || sendto(sender.number(), text.data(), text.size(), MSG_NOSIGNAL, address->get(),
                        address->length) < 0)
    return node::throwErrno(env, errno, "cannot send to " + arguments.text(0));
  return node::undefined(env);
}

/// `readProgram(pid) → object`, or undefined if there is no such process.
napi_value programOf(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  pid_t pid = static_cast<pid_t>(arguments.integer(0));
  if (!arguments.ok()) return nullptr;
  auto program = readProgram(pid);
  if (!program) return node::undefined(env);
  napi_value result = node::object(env);
  node::set(env, result, "pid", node::number(env, program->pid));
  node::set(env, result, "parent", node::number(env, program->parent));
  node::set(env, result, "started", node::number(env, static_cast<double>(program->started)));
  node::set(env, result, "uids", node::numbers(env, program->uids));
  node::set(env, result, "gids", node::numbers(env, program->gids));
  node::set(env, result, "groups", node::numbers(env, program->groups));
  node::set(env, result, "executable", node::string(env, program->executable));
  node::set(env, result, "unit", node::string(env, program->unit));
  return result;
}

/// `parentOf(task) → pid`; 0 if it is gone, or there is none.
napi_value parentOf(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  auto task = static_cast<pid_t>(arguments.integer(0));
  if (!arguments.ok()) return nullptr;
  return node::number(env, kinOf(task).parent);
}

/// `startOf(pid) → ticks`; 0 if it is gone.
napi_value start(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  auto pid = static_cast<pid_t>(arguments.integer(0));
  if (!arguments.ok()) return nullptr;
  return node::number(env, static_cast<double>(startOf(pid)));
}

/// `signalWaits(thread) → boolean`
napi_value pendingSignal(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  auto thread = static_cast<pid_t>(arguments.integer(0));
  if (!arguments.ok()) return nullptr;
  return node::boolean(env, signalWaits(thread));
}

/// `discardInput(fd)`: what was typed at a terminal and not read yet. Anything else is left alone.
napi_value discardInput(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = arguments.integer(0);
  if (!arguments.ok()) return nullptr;
  tcflush(fd, TCIFLUSH);
  return node::undefined(env);
}

/// `keepDescendants()`
napi_value keep(napi_env env, napi_callback_info) {
  if (!keepDescendants()) return node::throwErrno(env, errno, "cannot keep our descendants");
  return node::undefined(env);
}

/// `killDescendants(spared…) → number`: of those that were found.
napi_value killAllBut(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  std::set<pid_t> spared;
  for (size_t i = 0; i < arguments.count(); i++) {
    spared.insert(static_cast<pid_t>(arguments.integer(i)));
  }
  if (!arguments.ok()) return nullptr;
  return node::number(env, killDescendants(spared));
}

}  // namespace

void registerBinding(napi_env env, napi_value exports) {
  node::addMethods(env, exports,
                   {{"keepDescendants", keep},
                    {"killDescendants", killAllBut},
                    {"lockFile", lockFile},
                    {"forbidDumps", forbidDumps},
                    {"raiseFileLimit", raiseFileLimit},
                    {"sendDatagram", sendDatagram},
                    {"readProgram", programOf},
                    {"parentOf", parentOf},
                    {"startOf", start},
                    {"signalWaits", pendingSignal},
                    {"discardInput", discardInput}});
}

}  // namespace tlspool::process
