// The keys that our session tickets are encrypted with: random, in memory only, a new one each
// hour. Tickets of the two keys before are still read.
#pragma once

#include <openssl/core.h>
#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <deque>
#include <mutex>

#include "engine/openssl-pointers.h"

namespace tlspool::engine {

class TicketKeys {
 public:
  TicketKeys();

  /// SSL_CTX_set_tlsext_ticket_key_evp_cb: AES-256-CBC, HMAC-SHA-256.
  int prepare(unsigned char name[16], unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
              bool encrypting);

  /// No ticket made before this is read again.
  void forget();

 private:
  struct Key {
    std::array<unsigned char, 16> name;
    std::array<unsigned char, 32> encryption;
    std::array<unsigned char, 32> authentication;
    uint64_t made;
    ~Key();
  };

  /// With the mutex held; null if there are no random numbers.
  const Key* newest();

  CipherPointer cipher_;
  std::mutex mutex_;
  std::deque<Key> keys_;
};

}  // namespace tlspool::engine
