#include "engine/tls-context.h"

#include <openssl/err.h>

#include "engine/handshake-callbacks.h"
#include "token/key.h"

namespace tlspool::engine {

namespace {

TlsContext* only = nullptr;

/// AES first where the processor has instructions for it, as it is faster then; a client that puts
/// ChaCha20 first says that it has none (SSL_OP_PRIORITIZE_CHACHA).
struct Suites {
  const char* tls13;
  const char* tls12;
};

Suites suites() {
#if defined(__x86_64__)
  bool fastAes = __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
#else
  bool fastAes = true;
#endif
  if (fastAes) {
    return {"TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256",
            "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
            "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
            "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"};
  }
  return {"TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256",
          "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
          "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
          "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"};
}

/// The post-quantum hybrid is preferred so much that a client which knows it, but did not send a
/// share of it, is asked for one; among the others the client's shares decide.
constexpr const char* kServerGroups = "X25519MLKEM768 / X25519:P-256:P-384";
/// As client, shares (*) of the hybrid and of X25519 go out: no second round trip with either.
constexpr const char* kClientGroups = "*X25519MLKEM768 / *X25519:P-256:P-384";

constexpr const char* kSignatures =
    "ecdsa_secp256r1_sha256:ed25519:rsa_pss_rsae_sha256:ecdsa_secp384r1_sha384:"
    "rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:rsa_pss_pss_sha256:rsa_pss_pss_sha384:"
    "rsa_pss_pss_sha512:rsa_pkcs1_sha256:rsa_pkcs1_sha384:rsa_pkcs1_sha512:"
    "mldsa65:mldsa87:mldsa44";

/// s; a ticket older than this leads to a full handshake.
constexpr long kTicketLifetime = 2 * 60 * 60;

}  // namespace

TlsContext& TlsContext::instance() { return *only; }
void TlsContext::setInstance(TlsContext* context) { only = context; }

std::unique_ptr<TlsContext> TlsContext::create() {
  auto context = std::unique_ptr<TlsContext>(new TlsContext);
  context->server_ = make(Role::kServer, Transport::kStream);
  context->client_ = make(Role::kClient, Transport::kStream);
  if (!context->server_ || !context->client_) return nullptr;
  return context;
}

ContextPointer TlsContext::make(Role role, Transport transport) {
  bool server = role == Role::kServer;
  bool datagrams = transport == Transport::kDatagrams;
  const SSL_METHOD* method = datagrams ? (server ? DTLS_server_method() : DTLS_client_method())
                                       : (server ? TLS_server_method() : TLS_client_method());
  ContextPointer made(SSL_CTX_new_ex(token::libraryContext(), nullptr, method));
  SSL_CTX* context = made.get();
  if (!context) return nullptr;
  Suites chosen = suites();
  bool ok = SSL_CTX_set_min_proto_version(context, datagrams ? DTLS1_2_VERSION : TLS1_2_VERSION) &&
            SSL_CTX_set_max_proto_version(context, datagrams ? DTLS1_2_VERSION : TLS1_3_VERSION) &&
            SSL_CTX_set_ciphersuites(context, chosen.tls13) == 1 &&
            SSL_CTX_set_cipher_list(context, chosen.tls12) == 1 &&
            SSL_CTX_set1_groups_list(context, server ? kServerGroups : kClientGroups) == 1 &&
            SSL_CTX_set1_sigalgs_list(context, kSignatures) == 1;
  if (!ok) return nullptr;
  SSL_CTX_set_security_level(context, 2);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  if (datagrams) SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  // A credential's chain is complete as it is: nothing is searched for issuers.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_max_early_data(context, 0);
  SSL_CTX_set_timeout(context, kTicketLifetime);
  // Tickets go out with the program's first bytes, see Relay.
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_session_cache_mode(context,
                                 server || datagrams
                                     ? SSL_SESS_CACHE_OFF
                                     : SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  if (!handshake_callbacks::install(context, role)) return nullptr;
  return made;
}

SslPointer TlsContext::newConnection(Role role, Transport transport) {
  bool server = role == Role::kServer;
  if (transport == Transport::kStream) {
    return SslPointer(SSL_new((server ? server_ : client_).get()));
  }
  std::call_once(datagrams_, [this] {
    datagramServer_ = make(Role::kServer, Transport::kDatagrams);
    datagramClient_ = make(Role::kClient, Transport::kDatagrams);
  });
  return SslPointer(SSL_new((server ? datagramServer_ : datagramClient_).get()));
}

}  // namespace tlspool::engine
