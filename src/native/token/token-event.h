// Tells JavaScript that a token changed its state (TokenEvent in src/core/engine/types.ts).
#pragma once

#include <p11-kit/pkcs11.h>

#include <string>

namespace tlspool::token {

/// Any thread. `error` is CKR_OK if nothing is wrong.
void postTokenEvent(const std::string& token, const char* state, CK_RV error);

}  // namespace tlspool::token
