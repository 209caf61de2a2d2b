// From a provider's operation, on whatever thread and stack it runs, to the token and back.
#pragma once

#include <memory>

#include "token/mechanism.h"

namespace tlspool::token {

class TokenKey;

/// Signs with the key's token and gives its raw output. On a handshake's ASYNC job the handshake is
/// parked meanwhile; elsewhere the thread waits, half a minute at most. A failure can be read with
/// `takeLastFailure` (key.h).
CK_RV signWithToken(const std::shared_ptr<TokenKey>& key, SigningInput input, Bytes* output);

}  // namespace tlspool::token
