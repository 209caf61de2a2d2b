#define _GNU_SOURCE
#include "connection.h"

#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { kSourceAddresses = 64, kReadAheadBytes = 64 * 1024 };
static const char kCipher[] = "TLS_AES_256_GCM_SHA384";
static const char kGroup[] = "X25519";

static const struct options* settings;
static SSL_CTX* context;
static int connection_index;  // of SSL ex_data

static pthread_mutex_t failure_lock = PTHREAD_MUTEX_INITIALIZER;
static char first_failure[256];
static atomic_uint failures;

static void __attribute__((format(printf, 1, 2))) failed(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  pthread_mutex_lock(&failure_lock);
  if (atomic_fetch_add(&failures, 1) == 0)
    vsnprintf(first_failure, sizeof first_failure, format, arguments);
  pthread_mutex_unlock(&failure_lock);
  va_end(arguments);
}

static void failed_tls(struct connection* connection, const char* what, int result) {
  int kind = SSL_get_error(connection->tls, result);
  unsigned long code = ERR_peek_last_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : NULL;
  if (reason == NULL)
    reason = kind == SSL_ERROR_SYSCALL && errno != 0 ? strerror(errno) : "connection ended";
  failed("%s: %s", what, reason);
  ERR_clear_error();
}

static int keep_ticket(SSL* tls, SSL_SESSION* session) {
  struct connection* connection = SSL_get_ex_data(tls, connection_index);
  if (connection->ticket == NULL) return 0;
  SSL_SESSION_free(*connection->ticket);
  *connection->ticket = session;
  return 1;  // the reference is ours now
}

void connections_prepare(const struct options* options, bool release_buffers) {
  settings = options;
  connection_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
  context = SSL_CTX_new(TLS_client_method());
  if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_ciphersuites(context, kCipher) != 1 ||
      SSL_CTX_set1_groups_list(context, kGroup) != 1)
    errx(1, "OpenSSL cannot be set up as needed");
  if (release_buffers) {
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  } else {
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, kReadAheadBytes);
  }
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, keep_ticket);
}

static bool connect_from(struct connection* connection, unsigned number) {
  connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connection->fd < 0) {
    failed("socket: %s", strerror(errno));
    return false;
  }
  const int on = 1;
  setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(connection->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  struct sockaddr_in source = {.sin_family = AF_INET};
  source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + number % kSourceAddresses);
  if (bind(connection->fd, (struct sockaddr*)&source, sizeof source) == 0 &&
      connect(connection->fd, (const struct sockaddr*)&settings->proxy, sizeof settings->proxy) ==
          0)
    return true;
  failed("connect: %s", strerror(errno));
  close(connection->fd);
  return false;
}

// NULL if what was agreed on is what was meant to be measured, else what is different.
static const char* mismatch(SSL* tls) {
  if (SSL_version(tls) != TLS1_3_VERSION) return SSL_get_version(tls);
  const char* cipher = SSL_get_cipher_name(tls);
  if (strcmp(cipher, kCipher) != 0) return cipher;
  int group = SSL_get_negotiated_group(tls);
  if (group != NID_X25519) return "another group than X25519";
  if (SSL_session_reused(tls)) return NULL;
  X509* certificate = SSL_get0_peer_certificate(tls);
  EVP_PKEY* key = certificate == NULL ? NULL : X509_get0_pubkey(certificate);
  bool as_meant =
      key != NULL && (settings->key == KEY_EC_P256
                          ? EVP_PKEY_base_id(key) == EVP_PKEY_EC && EVP_PKEY_bits(key) == 256
                          : EVP_PKEY_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_bits(key) == 2048);
  return as_meant ? NULL : "a certificate with another type of key";
}

bool connection_open(struct connection* connection, unsigned number, SSL_SESSION** ticket) {
  connection->ticket = ticket;
  if (!connect_from(connection, number)) return false;
  connection->tls = SSL_new(context);
  if (connection->tls == NULL) errx(1, "SSL_new");
  SSL_set_ex_data(connection->tls, connection_index, connection);
  SSL_set_fd(connection->tls, connection->fd);
  SSL_set_tlsext_host_name(connection->tls, settings->server_name);
  if (ticket != NULL && *ticket != NULL) SSL_set_session(connection->tls, *ticket);
  int result = SSL_connect(connection->tls);
  if (result != 1) {
    failed_tls(connection, "handshake", result);
  } else {
    const char* different = mismatch(connection->tls);
    connection->resumed = SSL_session_reused(connection->tls);
    if (different == NULL) return true;
    failed("handshake: agreed on %s", different);
  }
  SSL_free(connection->tls);
  close(connection->fd);
  return false;
}

bool connection_order(struct connection* connection, enum exchange exchange, uint64_t count) {
  const struct order order = {.exchange = (uint8_t)exchange, .count = count};
  return connection_send(connection, &order, sizeof order);
}

bool connection_send(struct connection* connection, const void* bytes, size_t length) {
  int result = SSL_write(connection->tls, bytes, (int)length);
  if (result == (int)length) return true;
  failed_tls(connection, "send", result);
  return false;
}

bool connection_receive(struct connection* connection, void* buffer, size_t size, uint64_t length) {
  while (length > 0) {
    int result = SSL_read(connection->tls, buffer, (int)(length < size ? length : size));
    if (result <= 0) {
      failed_tls(connection, "receive", result);
      return false;
    }
    length -= (uint64_t)result;
  }
  return true;
}

void connection_close(struct connection* connection) {
  SSL_shutdown(connection->tls);
  ERR_clear_error();
  SSL_free(connection->tls);
  close(connection->fd);
}

const char* connection_failure(void) { return first_failure; }

unsigned connection_failures(void) { return atomic_load(&failures); }
