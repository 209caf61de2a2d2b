// The cookie of RFC 6347 section 4.2.1: a client must send back what was sent to its address before
// anything is done for it that costs. Until then it is a session, but one without a question, a
// certificate or a signature. A cookie is a MAC, by a secret of this process, of the session and of
// its peer's address: no other session takes it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace tlspool::engine::cookie {

using Cookie = std::array<unsigned char, 32>;

/// @param peer address as the kernel has it. Nothing if the library has no random numbers.
std::optional<Cookie> make(uint64_t session, const std::string& peer);

bool matches(uint64_t session, const std::string& peer, const unsigned char* cookie, size_t length);

}  // namespace tlspool::engine::cookie
