// What can be done about a return value of PKCS #11 before it becomes a failure.
#pragma once

#include <p11-kit/pkcs11.h>

#include "token/own-values.h"

namespace tlspool::token {

enum class Remedy {
  none,
  /// Log in.
  logIn,
  /// The token bears no more sessions: wait for one.
  wait,
  /// Sessions or objects went: open and find them anew.
  reopen,
  /// As `reopen`, and if that does not help, C_Finalize and C_Initialize: what revives SoftHSM and
  /// others after their token was gone.
  reopenOrRevive,
};

inline Remedy remedyFor(CK_RV rv) {
  switch (rv) {
    case CKR_USER_NOT_LOGGED_IN:
      return Remedy::logIn;
    case CKR_SESSION_COUNT:
      return Remedy::wait;
    case CKR_OPERATION_ACTIVE:
    case CKR_OPERATION_NOT_INITIALIZED:
      return Remedy::reopen;
    case CKR_SESSION_HANDLE_INVALID:
    case CKR_SESSION_CLOSED:
    case CKR_KEY_HANDLE_INVALID:
    case CKR_OBJECT_HANDLE_INVALID:
    case CKR_GENERAL_ERROR:
    case CKR_DEVICE_ERROR:
    case CKR_DEVICE_REMOVED:
    case CKR_SLOT_ID_INVALID:
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_TOKEN_NOT_RECOGNIZED:
    case CKR_CRYPTOKI_NOT_INITIALIZED:
    case kKeyNotFound:
      return Remedy::reopenOrRevive;
    default:
      return Remedy::none;
  }
}

/// The token is not in any reader now.
inline bool meansAbsent(CK_RV rv) {
  return rv == CKR_TOKEN_NOT_PRESENT || rv == CKR_TOKEN_NOT_RECOGNIZED ||
         rv == CKR_DEVICE_REMOVED || rv == CKR_SLOT_ID_INVALID;
}

/// The PIN was judged and refused.
inline bool meansWrongPin(CK_RV rv) {
  return rv == CKR_PIN_INCORRECT || rv == CKR_PIN_INVALID || rv == CKR_PIN_LEN_RANGE;
}

}  // namespace tlspool::token
