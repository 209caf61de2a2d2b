// What names a token: the token and library attributes of a `pkcs11:` URI (RFC 7512 section 2.3),
// which JavaScript has parsed. Slots are never part of a name.
#pragma once

#include <p11-kit/pkcs11.h>

#include <optional>
#include <string>

namespace tlspool::token {

/// An attribute that is absent matches any token.
struct TokenAttributes {
  std::optional<std::string> label;
  std::optional<std::string> serial;
  std::optional<std::string> manufacturer;
  std::optional<std::string> model;
  std::optional<std::string> libraryManufacturer;
  std::optional<std::string> libraryDescription;

  bool match(const CK_TOKEN_INFO& token, const CK_INFO& library) const;
};

/// A field of a CK_…_INFO without the blanks (or NULs, in some modules) that fill it up.
std::string unpadded(const unsigned char* field, size_t size);

template <size_t size>
std::string unpadded(const unsigned char (&field)[size]) {
  return unpadded(field, size);
}

}  // namespace tlspool::token
