// Bytes with descriptors beside them (SCM_RIGHTS, unix(7)). Never blocks, whatever O_NONBLOCK says:
// that flag belongs to the open file description and is not ours alone.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <vector>

#include "socket/descriptor.h"

namespace tlspool::socket {

struct Received {
  /// Bytes taken; 0 is the end of the stream, -1 an error in errno (EAGAIN: nothing there now).
  ssize_t bytes = -1;
  /// Close-on-exec. On a stream they came with the first of these bytes.
  std::vector<Descriptor> descriptors;
  /// Descriptors were lost (MSG_CTRUNC): our limit of open files was reached, or there were too
  /// many.
  bool truncated = false;
};

Received receive(int fd, void* data, size_t length);

/// Bytes that are there, which stay there; 0 is the end of the stream, -1 an error in errno.
ssize_t peek(int fd, void* data, size_t length);

/// Bytes taken, or -1 with errno. The descriptor goes with the first byte.
ssize_t send(int fd, const void* data, size_t length, int descriptor = -1);

}  // namespace tlspool::socket
