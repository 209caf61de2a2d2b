// What a handshake over datagrams (DTLS 1.2, RFC 6347) does differently.
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <sys/time.h>

#include <cstring>
#include <memory>

#include "engine/cookie.h"
#include "engine/handshake.h"
#include "engine/openssl-pointers.h"

namespace tlspool::engine {

/// Answers datagrams statelessly until one brings our cookie back. False if none did so far; then
/// `end_` says if it cannot go on.
bool Handshake::meetsClient() {
  ERR_clear_error();
  std::unique_ptr<BIO_ADDR, Freed<BIO_ADDR_free>> client(BIO_ADDR_new());
  int result = client ? DTLSv1_listen(link_.ssl.get(), client.get()) : -1;
  if (result < 0) {
    end_ = {EndReason::kHandshakeFailed, Failure::fromOpenSsl(link_.alerts)};
  } else if (result == 0) {
    checkDatagrams();
  }
  awaitsCookie_ = result <= 0;
  ERR_clear_error();
  return !awaitsCookie_;
}

bool Handshake::onCookieNeeded(unsigned char* made, unsigned* length) const {
  node::Bytes cookie = ownCookie();
  if (cookie.empty() || cookie.size() > DTLS1_COOKIE_LENGTH) return false;
  memcpy(made, cookie.data(), cookie.size());
  *length = static_cast<unsigned>(cookie.size());
  return true;
}

bool Handshake::onCookieShown(const unsigned char* shown, unsigned length) const {
  node::Bytes cookie = ownCookie();
  return !cookie.empty() && length == cookie.size() &&
         CRYPTO_memcmp(shown, cookie.data(), length) == 0;
}

/// The one that whoever met the client first has given to it, or one of ours. Empty: there are no
/// random numbers to make one.
node::Bytes Handshake::ownCookie() const {
  const node::Bytes& given = options_->hello.cookie;
  return given.empty() ? cookie::make(id_, link_.datagrams->peer()) : given;
}

/// What the network said of datagrams that were sent.
void Handshake::checkDatagrams() {
  if (link_.datagrams->takeNarrowed()) {
    // What was lost, or divided by IP, fits when it is sent again.
    DTLS_set_link_mtu(link_.ssl.get(), link_.datagrams->linkMtu());
  }
  if (link_.datagrams->takeRefused()) {
    end_ = {EndReason::kHandshakeFailed,
            Failure::lostConnection(link_.alerts, "nobody has the peer's port (ICMP)")};
  }
}

bool Handshake::hasLostPeer() {
  link_.datagrams->takeError();
  checkDatagrams();
  return end_.failure.has_value();
}

std::optional<uint64_t> Handshake::retransmitsIn() const {
  timeval left{};
  if (!link_.datagrams || awaitsCookie_ || waitsForOthers()) return std::nullopt;
  if (DTLSv1_get_timeout(link_.ssl.get(), &left) != 1) return std::nullopt;
  return static_cast<uint64_t>(left.tv_sec) * 1000 + (left.tv_usec + 999) / 1000;
}

Handshake::Step Handshake::retransmit() {
  if (retransmitsIn() != 0) return Step::kWaiting;
  checkDatagrams();
  ERR_clear_error();
  if (DTLSv1_handle_timeout(link_.ssl.get()) < 0) return failed();
  checkDatagrams();
  return end_.failure ? Step::kFailed : Step::kWaiting;
}

}  // namespace tlspool::engine
