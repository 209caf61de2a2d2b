// What we found out about a token ourselves, told where PKCS #11's return values are told.
#pragma once

#include <p11-kit/pkcs11.h>

namespace tlspool::token {

/// The token has no private key of that name and kind.
constexpr CK_RV kKeyNotFound = CKR_VENDOR_DEFINED | 0x746c7001;
/// It has several, and nothing tells which one is meant.
constexpr CK_RV kKeyAmbiguous = CKR_VENDOR_DEFINED | 0x746c7002;
/// Several tokens that are present bear the name: which one gets the PIN?
constexpr CK_RV kTokenAmbiguous = CKR_VENDOR_DEFINED | 0x746c7003;

/// The key that is in the token is not the one of the public key that we have.
constexpr CK_RV kKeyMismatch = CKR_VENDOR_DEFINED | 0x746c7004;

/// Whoever was asked for the PIN did not want to give it.
constexpr CK_RV kPinDeclined = CKR_VENDOR_DEFINED | 0x746c7005;
/// The program that asks people for PINs went while it was to ask.
constexpr CK_RV kPinSeatLost = CKR_VENDOR_DEFINED | 0x746c7006;

}  // namespace tlspool::token
