// OpenSSL's callbacks, led to the session that they are about.
#pragma once

#include <openssl/ssl.h>

#include "engine/session-options.h"

namespace tlspool::engine::handshake_callbacks {

bool install(SSL_CTX* context, Role role);

}  // namespace tlspool::engine::handshake_callbacks
