// Keys that JavaScript created, by handle.
#pragma once

#include <memory>
#include <string>

#include "token/key.h"
#include "token/token-key.h"

namespace tlspool::token {

/// 0 and `error` in words if the public key (SubjectPublicKeyInfo, DER) is not of a kind that TLS
/// identities have here.
KeyHandle createKey(std::shared_ptr<Token> token, TokenKey::Name name, const Bytes& publicKey,
                    std::string* error);

/// Handshakes that use the key go on.
void releaseKey(KeyHandle handle);

/// Null if the handle is unknown.
std::shared_ptr<TokenKey> findKey(KeyHandle handle);

}  // namespace tlspool::token
