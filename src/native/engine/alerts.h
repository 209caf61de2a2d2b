// TLS alerts by name (RFC 8446 section 6 and the IANA registry): "handshake_failure".
#pragma once

#include <string>
#include <string_view>

namespace tlspool::engine {

/// "alert_200" if unknown.
std::string alertName(int code);

/// -1 if there is none of that name.
int alertCode(std::string_view name);

/// The X509_V_ERR_… for which OpenSSL, failing verification, sends this alert; -1: it has none.
int verifyErrorFor(int alert);

}  // namespace tlspool::engine
