// One system call of the program that waits for us. It ends exactly once: by one of the answers
// below, or, where a handler forgets, by EACCES when the last reference goes: no call passes by
// accident.
#pragma once

#include <linux/seccomp.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "socket/address.h"
#include "socket/descriptor.h"
#include "supervisor/task.h"

namespace tlspool::supervisor {

class Notification {
 public:
  /// @param channel the notification descriptor of the filter
  Notification(std::shared_ptr<const socket::Descriptor> channel, const seccomp_notif& call);
  Notification(const Notification&) = delete;
  Notification& operator=(const Notification&) = delete;
  ~Notification();

  int number() const { return call_.data.nr; }
  uint32_t arch() const { return call_.data.arch; }
  uint64_t argument(int index) const { return call_.data.args[index]; }
  int descriptorArgument(int index) const { return static_cast<int>(call_.data.args[index]); }
  Task task() const { return Task(static_cast<pid_t>(call_.pid)); }

  /// Whether the call still waits. What was read from the program before a `true` was really its.
  bool valid() const;

  /// Task::fetch, and certain to be the caller's; ESRCH if the call is over.
  socket::Descriptor fetch(int fd) const;
  /// Kills the caller's process, and nobody else's.
  void kill() const;
  bool read(uint64_t address, void* to, size_t length) const;
  /// Checked right before: after its call ended the program may use its buffer for something else.
  /// Answer at once afterwards.
  bool write(uint64_t address, const void* from, size_t length) const;
  /// A sockaddr argument; nothing with errno if it cannot be read or its length is impossible.
  std::optional<socket::Address> readAddress(int addressArgument, int lengthArgument) const;
  /// Result of an address as accept(2) and getpeername(2) give it: cut to the room there is, with
  /// its full length told. True if the program wants none.
  bool writeAddress(int addressArgument, int lengthArgument, const socket::Address& value) const;

  /// Puts a duplicate of `fd` in the place of the program's descriptor `number`; the call goes on
  /// waiting. False with errno.
  bool replace(int fd, int number, bool closeOnExec) const;

  /// Ends the call: it returns `value`.
  void finish(int64_t value);
  /// Ends the call: it fails.
  void fail(int error);
  /// Ends the call: the kernel does it. It reads its arguments anew, so another thread of the
  /// program may change what was looked at here.
  void proceed();
  /// Ends the call: as if a signal had come, EINTR or a restart as the program's handler says.
  void interrupt();
  /// Ends the call: it returns a new descriptor of the program, a duplicate of `fd`. False with
  /// errno, and the call waits on: EMFILE at the program's limit; ENOENT if the call was over, so
  /// that nothing was given away.
  bool finishWith(int fd, bool closeOnExec);

 private:
  void answer(int64_t value, int error, uint32_t flags);

  std::shared_ptr<const socket::Descriptor> channel_;
  seccomp_notif call_;
  bool answered_ = false;
};

}  // namespace tlspool::supervisor
