#include "engine/departing-alert.h"

#include <openssl/err.h>

namespace tlspool::engine::departing_alert {

namespace {

/// From the range for private use (RFC 8446 section 11); it never goes over the wire.
constexpr unsigned kExtension = 0xff7a;
thread_local int departing = -1;

int add(SSL*, unsigned, unsigned, const unsigned char**, size_t*, X509*, size_t, int* alert,
        void*) {
  if (departing < 0) return 0;
  *alert = departing;
  return -1;
}

}  // namespace

bool install(SSL_CTX* context) {
  return SSL_CTX_add_custom_ext(context, kExtension,
                                SSL_EXT_TLS1_3_ONLY | SSL_EXT_TLS1_3_NEW_SESSION_TICKET, add,
                                nullptr, nullptr, nullptr, nullptr) == 1;
}

void send(SSL* ssl, int alert) {
  ERR_clear_error();
  if (SSL_is_server(ssl) && SSL_version(ssl) == TLS1_3_VERSION &&
      SSL_new_session_ticket(ssl) == 1) {
    departing = alert;
    SSL_do_handshake(ssl);
    departing = -1;
  } else {
    SSL_shutdown(ssl);
  }
  ERR_clear_error();
}

}  // namespace tlspool::engine::departing_alert
