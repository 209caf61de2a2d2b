#include "engine/datagram-socket.h"

#include <openssl/obj_mac.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "socket/udp.h"

namespace tlspool::engine {

namespace {

/// Bytes of the IP header and of UDP's.
constexpr int kOverheadIpv4 = 20 + 8;
constexpr int kOverheadIpv6 = 40 + 8;
/// What every host takes (RFC 791), and every IPv6 link (RFC 8200 section 5).
constexpr int kSmallestIpv4 = 576;
constexpr int kSmallestIpv6 = 1280;
/// A larger MTU is that of the first link only, until a router says otherwise: flights of a
/// handshake would be lost to find out.
constexpr int kLargestMtu = 1500;
/// Pending errors of the socket that are taken before a datagram is given up.
constexpr int kVainAttempts = 8;

}  // namespace

DatagramSocket::DatagramSocket(int fd, Count& lost)
    : fd_(fd), peer_(socket::peerOf(fd)), lost_(lost) {
  int family = 0;
  socklen_t length = sizeof family;
  ipv6_ = getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &length) == 0 && family == AF_INET6;
}

BIO* DatagramSocket::newBio(const SSL* ssl) {
  ssl_ = ssl;
  // Never freed: threads may still use it while static objects are destroyed.
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagrams");
    BIO_meth_set_read(made, readBio);
    BIO_meth_set_write(made, writeBio);
    BIO_meth_set_ctrl(made, controlBio);
    return made;
  }();
  BIO* bio = BIO_new(method);
  if (!bio) return nullptr;
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  return bio;
}

std::string DatagramSocket::peer() const {
  return {reinterpret_cast<const char*>(peer_.get()), peer_.length};
}

bool DatagramSocket::takeNarrowed() {
  int before = std::exchange(told_, linkMtu());
  return std::exchange(exceeded_, false) || told_ < before;
}

bool DatagramSocket::takeRefused() { return std::exchange(refused_, false); }

int DatagramSocket::overhead() const { return ipv6_ ? kOverheadIpv6 : kOverheadIpv4; }
int DatagramSocket::smallestMtu() const { return ipv6_ ? kSmallestIpv6 : kSmallestIpv4; }

int DatagramSocket::linkMtu() const {
  int mtu = 0;
  socklen_t length = sizeof mtu;
  bool known = getsockopt(fd_, ipv6_ ? IPPROTO_IPV6 : IPPROTO_IP, ipv6_ ? IPV6_MTU : IP_MTU, &mtu,
                          &length) == 0;
  return known && mtu > 0 ? std::min(mtu, kLargestMtu) : smallestMtu();
}

DatagramSocket& DatagramSocket::of(BIO* bio) {
  return *static_cast<DatagramSocket*>(BIO_get_data(bio));
}

int DatagramSocket::readBio(BIO* bio, char* data, int length) {
  BIO_clear_retry_flags(bio);
  int got = of(bio).receive(data, static_cast<size_t>(length));
  if (got < 0) BIO_set_retry_read(bio);
  return got;
}

/// Bytes of the next datagram that is of use, or -1. What is wrong with the network shows here,
/// too, whichever datagram was the cause; that is no reason to stop (RFC 1122 section 4.1.3.3).
int DatagramSocket::receive(char* data, size_t length) {
  if (!given_.empty()) return takeGiven(data, length);
  while (left_ > 0) {
    left_--;
    ssize_t got = socket::receiveFrom(peer_, fd_, data, length, MSG_DONTWAIT);
    if (got > 0) {
      if (!isHarmful(reinterpret_cast<unsigned char*>(data), got)) return static_cast<int>(got);
      continue;
    }
    if (got == 0 || errno == EINTR) continue;
    if (errno == EAGAIN) return -1;
    note(errno);
  }
  return -1;
}

int DatagramSocket::takeGiven(char* data, size_t length) {
  node::Bytes given = std::exchange(given_, {});
  size_t size = std::min(length, given.size());
  if (isHarmful(given.data(), size)) return receive(data, length);
  memcpy(data, given.data(), size);
  return static_cast<int>(size);
}

/// OpenSSL takes a protected record that has no room for its tag for an error of its own, and ends
/// the connection, which anybody could bring about. It is to be thrown away (RFC 6347 section
/// 4.1.2.7); nobody but a forger sends one along with others.
bool DatagramSocket::isHarmful(const unsigned char* data, size_t length) const {
  while (length >= DTLS1_RT_HEADER_LENGTH) {
    size_t size = data[11] << 8 | data[12];
    bool isProtected = data[3] != 0 || data[4] != 0;
    if (isProtected && size < shortestProtected()) return true;
    size_t whole = DTLS1_RT_HEADER_LENGTH + size;
    if (length < whole) return false;
    data += whole;
    length -= whole;
  }
  return false;
}

/// Bytes of a record without any content: an explicit nonce (RFC 5288 section 3), which ChaCha20
/// has not (RFC 7905 section 2), and the tag.
size_t DatagramSocket::shortestProtected() const {
  const SSL_CIPHER* suite = SSL_get_current_cipher(ssl_);
  if (!suite) suite = SSL_get_pending_cipher(ssl_);
  if (!suite) return SIZE_MAX;
  constexpr size_t kTag = 16;
  return SSL_CIPHER_get_cipher_nid(suite) == NID_chacha20_poly1305 ? kTag : 8 + kTag;
}

/// Sent or lost, it is the same to OpenSSL: what must arrive is sent again.
int DatagramSocket::writeBio(BIO* bio, const char* data, int length) {
  BIO_clear_retry_flags(bio);
  of(bio).send(data, static_cast<size_t>(length));
  return length;
}

void DatagramSocket::send(const char* data, size_t length) {
  // An error that an earlier datagram caused is reported once, and in place of sending this one.
  for (int i = 0; i < kVainAttempts; i++) {
    if (::send(fd_, data, length, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return;
    if (errno == EAGAIN) full_ = true;
    note(errno);
    bool before = errno == EINTR || errno == ECONNREFUSED || errno == EHOSTUNREACH;
    if (!before) break;
  }
  lost_.add(1);
}

void DatagramSocket::note(int error) {
  if (error == ECONNREFUSED) refused_ = true;
  if (error == EMSGSIZE) exceeded_ = true;
}

void DatagramSocket::takeError() {
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length) == 0) note(error);
}

long DatagramSocket::controlBio(BIO* bio, int command, long, void*) {
  const DatagramSocket& socket = of(bio);
  switch (command) {
    case BIO_CTRL_FLUSH:
      return 1;
    case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD:
      return socket.overhead();
    case BIO_CTRL_DGRAM_QUERY_MTU:
      return socket.linkMtu() - socket.overhead();
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
      return socket.smallestMtu() - socket.overhead();
    default:
      return 0;
  }
}

}  // namespace tlspool::engine
