// An alert of our choice on an established connection. A server that learns only then that it does
// not want its peer (authorisation, also on resumption) says access_denied rather than hang up.
// OpenSSL has no call for that; but an extension that fails while a NewSessionTicket is written
// ends the connection with the alert that the extension names. That works for TLS 1.3 servers; for
// others close_notify is all there is.
#pragma once

#include <openssl/ssl.h>

namespace tlspool::engine::departing_alert {

bool install(SSL_CTX* context);

/// What is to be sent is in the staging afterwards; nothing may be written to the connection then.
void send(SSL* ssl, int alert);

}  // namespace tlspool::engine::departing_alert
