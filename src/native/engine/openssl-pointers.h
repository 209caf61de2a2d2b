// OpenSSL objects that free themselves.
#pragma once

#include <openssl/evp.h>
#include <openssl/ocsp.h>
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
inline void freeCrls(STACK_OF(X509_CRL) * list) { sk_X509_CRL_pop_free(list, X509_CRL_free); }

using SslPointer = std::unique_ptr<SSL, Freed<SSL_free>>;
using ContextPointer = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;
using TlsSessionPointer = std::unique_ptr<SSL_SESSION, Freed<SSL_SESSION_free>>;
using CertificatePointer = std::unique_ptr<X509, Freed<X509_free>>;
using ChainPointer = std::unique_ptr<STACK_OF(X509), Freed<freeChain>>;
using KeyPointer = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using StorePointer = std::unique_ptr<X509_STORE, Freed<X509_STORE_free>>;
using StoreContextPointer = std::unique_ptr<X509_STORE_CTX, Freed<X509_STORE_CTX_free>>;
using CrlPointer = std::unique_ptr<X509_CRL, Freed<X509_CRL_free>>;
using CrlsPointer = std::unique_ptr<STACK_OF(X509_CRL), Freed<freeCrls>>;
using OcspRequestPointer = std::unique_ptr<OCSP_REQUEST, Freed<OCSP_REQUEST_free>>;
using OcspResponsePointer = std::unique_ptr<OCSP_RESPONSE, Freed<OCSP_RESPONSE_free>>;
using OcspBasicPointer = std::unique_ptr<OCSP_BASICRESP, Freed<OCSP_BASICRESP_free>>;
using OcspIdPointer = std::unique_ptr<OCSP_CERTID, Freed<OCSP_CERTID_free>>;
using CipherPointer = std::unique_ptr<EVP_CIPHER, Freed<EVP_CIPHER_free>>;

}  // namespace tlspool::engine
