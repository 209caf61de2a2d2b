// The cookie of RFC 6347 section 4.2.1: a client must send back what was sent to its address before
// anything is done for it that costs. Until then it is a session, but one without a question, a
// certificate or a signature. A cookie is a MAC, by a secret of this process, of the session and of
// its peer's address: no other session takes it. Whoever gives a socket to us may have met the
// client before, with a cookie of its own: see ShownHello.
#pragma once

#include <cstdint>
#include <string>

#include "node/values.h"

namespace tlspool::engine::cookie {

/// @param peer address as the kernel has it. Empty if the library has no random numbers.
node::Bytes make(uint64_t session, const std::string& peer);

}  // namespace tlspool::engine::cookie
