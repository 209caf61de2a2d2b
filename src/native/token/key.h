// A private key in a token, as the engine sees it: an EVP_PKEY of our own provider whose signing
// operation parks the handshake and signs on the signing pool. Owned by src/native/token.
#pragma once

#include <openssl/evp.h>
#include <openssl/types.h>

#include <cstdint>

namespace tlspool::token {

/// Handle of a key that JavaScript created with `createKey`. 0 is none.
using KeyHandle = uint32_t;

/// The engine's library context: `default` and the key provider loaded, and nothing of openssl.cnf.
/// Created at first use and never freed: what was made in it may live until the very end of the
/// process. Null only if OpenSSL has no memory.
OSSL_LIB_CTX* libraryContext();

/// A new reference to the key's EVP_PKEY (private operations through the token), or null if the
/// handle is unknown. Makes no PKCS #11 call. The caller frees it.
EVP_PKEY* evpKey(KeyHandle handle);

/// The PKCS #11 return value of the last failed signature on this thread's current handshake (0:
/// none), and clears it, so that the engine can report it by name.
unsigned long takeLastFailure();

/// The name of a return value: "CKR_PIN_INCORRECT"; unknown ones as "CKR 0x80000001". What we found
/// out ourselves (own-values.h) has a name without CKR: "KEY_NOT_FOUND".
const char* returnValueName(unsigned long value);

/// Stops the signing threads and finalises the modules, for the end of the process: registered with
/// atexit, and harmless when called more than once. Parked handshakes fail; end those before.
void stop();

}  // namespace tlspool::token
