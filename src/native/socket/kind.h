// Which descriptors TLS can run over, and plaintext can be given through.
#pragma once

#include <string>

namespace tlspool::socket {

/// Why the descriptor is not a connected stream socket, in words ("it is a pipe"); "" if it is one.
std::string whyUnusable(int fd);

/// Whether connections of its kind can be reset. In a UNIX socket that error only says that the other side closed
/// without having read everything.
bool knowsReset(int fd);

/// Why DTLS cannot run over it: it takes a connected UDP socket.
std::string whyNotUdp(int fd);

/// Why it cannot be the plaintext side of DTLS: it takes a connected socket that keeps the
/// boundaries of messages (SOCK_SEQPACKET or SOCK_DGRAM).
std::string whyNotDatagrams(int fd);

}  // namespace tlspool::socket
