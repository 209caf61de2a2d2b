#include "pool/messages.h"

#include <sys/random.h>

#include <algorithm>
#include <cstring>

namespace tlspool::pool {

namespace {

constexpr size_t kDataOffset = 8;
/// ctlkey of a STARTTLS, and of a command about a session.
constexpr size_t kNameOffset = kDataOffset + 268;
constexpr size_t kNamedOffset = kDataOffset + 4;
constexpr size_t kNameLength = 16;
/// Text of an error, with its NUL.
constexpr size_t kTextLength = 128;

/// Asking for many random bytes costs hardly more than asking for few.
bool fillName(unsigned char* name) {
  thread_local std::array<unsigned char, 16 * kNameLength> supply;
  thread_local size_t used = supply.size();
  if (used == supply.size()) {
    // As many at once as no signal interrupts (getrandom(2)).
    if (getrandom(supply.data(), supply.size(), 0) != static_cast<ssize_t>(supply.size()))
      return false;
    used = 0;
  }
  memcpy(name, supply.data() + used, kNameLength);
  // What was given away is not kept here.
  memset(supply.data() + used, 0, kNameLength);
  used += kNameLength;
  return true;
}

}  // namespace

Header headerOf(const Message& message) {
  Header header;
  memcpy(&header.request, message.data(), sizeof header.request);
  memcpy(&header.callback, message.data() + 2, sizeof header.callback);
  memcpy(&header.command, message.data() + 4, sizeof header.command);
  return header;
}

Message refusalOf(const Header& question, int error, std::string_view text) {
  Message message{};
  constexpr Command kCommand = Command::error;
  auto number = static_cast<int32_t>(error);
  memcpy(message.data(), &question.request, sizeof question.request);
  memcpy(message.data() + 2, &question.callback, sizeof question.callback);
  memcpy(message.data() + 4, &kCommand, sizeof kCommand);
  memcpy(message.data() + kDataOffset, &number, sizeof number);
  memcpy(message.data() + kDataOffset + sizeof number, text.data(),
         std::min(text.size(), kTextLength - 1));
  return message;
}

Message withdrawalOf(const node::Bytes& messages) {
  const unsigned char* startTls = messages.data() + messages.size() - kMessageLength;
  Message message{};
  constexpr Command kCommand = Command::withdraw;
  memcpy(message.data(), startTls, sizeof(Header::request));
  memcpy(message.data() + 4, &kCommand, sizeof kCommand);
  memcpy(message.data() + kNamedOffset, startTls + kNameOffset, kNameLength);
  return message;
}

void putNumber(node::Bytes* messages, uint16_t request) {
  for (size_t start = 0; start + kMessageLength <= messages->size(); start += kMessageLength)
    memcpy(messages->data() + start, &request, sizeof request);
}

bool nameSession(node::Bytes* messages) {
  return messages->size() >= kMessageLength &&
         fillName(messages->data() + messages->size() - kMessageLength + kNameOffset);
}

}  // namespace tlspool::pool
