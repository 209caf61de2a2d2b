// A thread of the program, looked at from outside. Every function may find it gone: whether what
// came back belongs to the one that was meant, only its notification can tell
// (Notification::valid).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "socket/descriptor.h"

namespace tlspool::supervisor {

class Task {
 public:
  /// @param id of the thread, as a notification has it
  explicit Task(pid_t id) : id_(id) {}

  pid_t id() const { return id_; }
  /// Its process (thread group); 0 if it is gone.
  pid_t process() const;
  /// The path of what it runs; empty if that cannot be told.
  std::string executable() const;

  /// A duplicate of one of its descriptors, close-on-exec; empty with errno. EPERM: the kernel does
  /// not let us look into this process.
  socket::Descriptor fetch(int fd) const;
  /// A pidfd of its process; empty with errno.
  socket::Descriptor openLeader() const;
  /// False with errno unless all bytes could be read.
  bool read(uint64_t address, void* to, size_t length) const;
  /// False with errno unless all bytes could be written.
  bool write(uint64_t address, const void* from, size_t length) const;

 private:
  pid_t id_;
};

}  // namespace tlspool::supervisor
