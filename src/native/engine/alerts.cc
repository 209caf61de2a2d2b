#include "engine/alerts.h"

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

namespace tlspool::engine {

namespace {

struct Alert {
  int code;
  const char* name;
};

constexpr Alert kAlerts[] = {
    {0, "close_notify"},
    {10, "unexpected_message"},
    {20, "bad_record_mac"},
    {21, "decryption_failed"},
    {22, "record_overflow"},
    {30, "decompression_failure"},
    {40, "handshake_failure"},
    {41, "no_certificate"},
    {42, "bad_certificate"},
    {43, "unsupported_certificate"},
    {44, "certificate_revoked"},
    {45, "certificate_expired"},
    {46, "certificate_unknown"},
    {47, "illegal_parameter"},
    {48, "unknown_ca"},
    {49, "access_denied"},
    {50, "decode_error"},
    {51, "decrypt_error"},
    {60, "export_restriction"},
    {70, "protocol_version"},
    {71, "insufficient_security"},
    {80, "internal_error"},
    {86, "inappropriate_fallback"},
    {90, "user_canceled"},
    {100, "no_renegotiation"},
    {109, "missing_extension"},
    {110, "unsupported_extension"},
    {111, "certificate_unobtainable"},
    {112, "unrecognized_name"},
    {113, "bad_certificate_status_response"},
    {114, "bad_certificate_hash_value"},
    {115, "unknown_psk_identity"},
    {116, "certificate_required"},
    {120, "no_application_protocol"},
};

}  // namespace

std::string alertName(int code) {
  for (const Alert& alert : kAlerts) {
    if (alert.code == code) return alert.name;
  }
  return "alert_" + std::to_string(code);
}

int alertCode(std::string_view name) {
  for (const Alert& alert : kAlerts) {
    if (name == alert.name) return alert.code;
  }
  return -1;
}

int verifyErrorFor(int alert) {
  switch (alert) {
    case SSL_AD_HANDSHAKE_FAILURE:
      return X509_V_ERR_APPLICATION_VERIFICATION;
    case SSL_AD_BAD_CERTIFICATE:
      return X509_V_ERR_CERT_REJECTED;
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
      return X509_V_ERR_INVALID_PURPOSE;
    case SSL_AD_CERTIFICATE_REVOKED:
      return X509_V_ERR_CERT_REVOKED;
    case SSL_AD_CERTIFICATE_EXPIRED:
      return X509_V_ERR_CERT_HAS_EXPIRED;
    case SSL_AD_CERTIFICATE_UNKNOWN:
      return X509_V_ERR_PERMITTED_VIOLATION;
    case SSL_AD_UNKNOWN_CA:
      return X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
    case SSL_AD_INTERNAL_ERROR:
      return X509_V_ERR_UNSPECIFIED;
    default:
      return -1;
  }
}

}  // namespace tlspool::engine
