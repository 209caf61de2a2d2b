// OpenSSL objects that free themselves.
#pragma once

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>

namespace tlspool::engine {

template <auto free>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    free(object);
  }
};

inline void freeChain(STACK_OF(X509) * chain) { OSSL_STACK_OF_X509_free(chain); }

using SslPointer = std::unique_ptr<SSL, Freed<SSL_free>>;
using ContextPointer = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;
using TlsSessionPointer = std::unique_ptr<SSL_SESSION, Freed<SSL_SESSION_free>>;
using CertificatePointer = std::unique_ptr<X509, Freed<X509_free>>;
using ChainPointer = std::unique_ptr<STACK_OF(X509), Freed<freeChain>>;
using KeyPointer = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using StorePointer = std::unique_ptr<X509_STORE, Freed<X509_STORE_free>>;
using StoreContextPointer = std::unique_ptr<X509_STORE_CTX, Freed<X509_STORE_CTX_free>>;
using CipherPointer = std::unique_ptr<EVP_CIPHER, Freed<EVP_CIPHER_free>>;

}  // namespace tlspool::engine
