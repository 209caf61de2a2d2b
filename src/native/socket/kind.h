// Which descriptors TLS can run over, and plaintext can be given through.
#pragma once

#include <string>

namespace tlspool::socket {

/// Why the descriptor is not a connected stream socket, in words ("it is a pipe"); "" if it is one.
std::string whyUnusable(int fd);

}  // namespace tlspool::socket
