#include "engine/handshake-callbacks.h"

#include "engine/departing-alert.h"
#include "engine/session.h"
#include "engine/tls-context.h"

namespace tlspool::engine::handshake_callbacks {

namespace {

Session& sessionOf(SSL* ssl) { return *static_cast<Session*>(SSL_get_app_data(ssl)); }

int clientHello(SSL* ssl, int* alert, void*) {
  Handshake* handshake = sessionOf(ssl).handshake();
  return handshake ? handshake->onClientHello(alert) : sessionOf(ssl).onLateHello();
}

int certificateRequest(SSL* ssl, void*) {
  Handshake* handshake = sessionOf(ssl).handshake();
  return handshake ? handshake->onCertificateRequest() : sessionOf(ssl).onLateCertificateRequest();
}

int verify(X509_STORE_CTX* context, void*) {
  int index = SSL_get_ex_data_X509_STORE_CTX_idx();
  auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(context, index));
  Handshake* handshake = sessionOf(ssl).handshake();
  return handshake ? handshake->onVerify(context) : sessionOf(ssl).onLateCertificate(context);
}

int certificateStatus(SSL* ssl, void*) {
  Handshake* handshake = sessionOf(ssl).handshake();
  return handshake ? handshake->onStatusRequest() : SSL_TLSEXT_ERR_NOACK;
}

int selectAlpn(SSL* ssl, const unsigned char** chosen, unsigned char* length,
               const unsigned char* offered, unsigned offeredLength, void*) {
  Handshake* handshake = sessionOf(ssl).handshake();
  return handshake ? handshake->onAlpn(chosen, length, offered, offeredLength)
                   : SSL_TLSEXT_ERR_NOACK;
}

int makeCookie(SSL* ssl, unsigned char* made, unsigned* length) {
  Handshake* handshake = sessionOf(ssl).handshake();
  return handshake && handshake->onCookieNeeded(made, length) ? 1 : 0;
}

int verifyCookie(SSL* ssl, const unsigned char* shown, unsigned length) {
  Handshake* handshake = sessionOf(ssl).handshake();
  return handshake && handshake->onCookieShown(shown, length) ? 1 : 0;
}

int ticketKey(SSL*, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
              EVP_MAC_CTX* mac, int encrypting) {
  return TlsContext::instance().ticketKeys().prepare(name, iv, cipher, mac, encrypting != 0);
}

int writeTicket(SSL* ssl, void*) {
  return sessionOf(ssl).writeTicket(SSL_get_session(ssl)) ? 1 : 0;
}

SSL_TICKET_RETURN readTicket(SSL* ssl, SSL_SESSION* session, const unsigned char*, size_t,
                             SSL_TICKET_STATUS status, void*) {
  Handshake* handshake = sessionOf(ssl).handshake();
  return handshake ? handshake->onTicket(session, status) : SSL_TICKET_RETURN_IGNORE;
}

int newSession(SSL* ssl, SSL_SESSION* session) {
  return sessionOf(ssl).keepClientSession(session) ? 1 : 0;
}

void observe(int write, int, int contentType, const void* data, size_t length, SSL*,
             void* session) {
  if (session) {
    static_cast<Session*>(session)->observe(write != 0, contentType,
                                            static_cast<const unsigned char*>(data), length);
  }
}

}  // namespace

bool install(SSL_CTX* context, Role role) {
  SSL_CTX_set_msg_callback(context, observe);
  SSL_CTX_set_cert_verify_callback(context, verify, nullptr);
  if (role == Role::kClient) {
    SSL_CTX_set_cert_cb(context, certificateRequest, nullptr);
    SSL_CTX_sess_set_new_cb(context, newSession);
    return true;
  }
  SSL_CTX_set_cookie_generate_cb(context, makeCookie);
  SSL_CTX_set_cookie_verify_cb(context, verifyCookie);
  SSL_CTX_set_client_hello_cb(context, clientHello, nullptr);
  SSL_CTX_set_alpn_select_cb(context, selectAlpn, nullptr);
  SSL_CTX_set_tlsext_status_cb(context, certificateStatus);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, ticketKey);
  SSL_CTX_set_session_ticket_cb(context, writeTicket, readTicket, nullptr);
  return departing_alert::install(context);
}

}  // namespace tlspool::engine::handshake_callbacks
