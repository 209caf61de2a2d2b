// What tokens tell JavaScript: the events of src/core/engine/types.ts.
#pragma once

#include <p11-kit/pkcs11.h>

#include <cstdint>
#include <string>

#include "token/mechanism.h"

namespace tlspool::token {

/// TokenEvent. Any thread. `error` is CKR_OK if nothing is wrong.
void postTokenEvent(const std::string& token, const char* state, CK_RV error);

/// The answer to a request that JavaScript numbered. Any thread.
void postAnswer(int64_t request, CK_RV rv);
void postAnswer(int64_t request, Bytes value);

}  // namespace tlspool::token
