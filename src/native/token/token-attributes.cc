#include "token/token-attributes.h"

namespace tlspool::token {

namespace {

template <size_t size>
bool matches(const std::optional<std::string>& wanted, const unsigned char (&field)[size]) {
  return !wanted || *wanted == unpadded(field);
}

}  // namespace

bool TokenAttributes::match(const CK_TOKEN_INFO& token, const CK_INFO& library) const {
  return matches(label, token.label) && matches(serial, token.serialNumber) &&
         matches(manufacturer, token.manufacturerID) && matches(model, token.model) &&
         matches(libraryManufacturer, library.manufacturerID) &&
         matches(libraryDescription, library.libraryDescription);
}

std::string unpadded(const unsigned char* field, size_t size) {
  while (size > 0 && (field[size - 1] == ' ' || field[size - 1] == '\0')) size--;
  return {reinterpret_cast<const char*>(field), size};
}

}  // namespace tlspool::token
