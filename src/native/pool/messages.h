// The pool's messages (src/core/protocol), as far as the engine looks into them: 8 bytes of header
// and 380 of data, in the byte order of the machine.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "node/values.h"

namespace tlspool::pool {

constexpr size_t kMessageLength = 388;
using Message = std::array<unsigned char, kMessageLength>;

/// `pio_cmd` (src/core/protocol/command.ts).
enum class Command : uint32_t {
  error = 0x00000001,
  startTls = 0x00000024,
  plaintextConnect = 0x0000002a,
  details = 0x80000025,
  withdraw = 0x80000028,
};

struct Header {
  uint16_t request;
  /// 0: no question.
  uint16_t callback;
  Command command;
};

Header headerOf(const Message& message);

/// A question is answered with this: it gets no other answer.
Message refusalOf(const Header& question, int error, std::string_view text);

/// Says that the session is not wanted any more which a STARTTLS, the last of these messages, asks
/// for.
Message withdrawalOf(const node::Bytes& messages);

/// Puts the messages of one request under its number.
void putNumber(node::Bytes* messages, uint16_t request);

/// Gives the STARTTLS that comes last a fresh name (ctlkey). False if there is no randomness.
bool nameSession(node::Bytes* messages);

}  // namespace tlspool::pool
