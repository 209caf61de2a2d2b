#include "engine/client-hello.h"

#include <algorithm>

namespace tlspool::engine {

namespace {

/// A piece of the message, read from the front. Reading past the end gives nothing.
class Cursor {
 public:
  Cursor(const unsigned char* data, size_t length) : data_(data), length_(length) {}

  bool empty() const { return length_ == 0; }

  bool number(size_t bytes, uint32_t* value) {
    if (length_ < bytes) return false;
    *value = 0;
    for (size_t i = 0; i < bytes; i++) *value = *value << 8 | data_[i];
    drop(bytes);
    return true;
  }

  /// A vector with a length of `bytes` bytes before it (RFC 8446 section 3.4).
  bool vector(size_t bytes, Cursor* content) {
    uint32_t size = 0;
    if (!number(bytes, &size) || length_ < size) return false;
    *content = Cursor(data_, size);
    drop(size);
    return true;
  }

  std::string text() const { return {reinterpret_cast<const char*>(data_), length_}; }

 private:
  void drop(size_t bytes) {
    data_ += bytes;
    length_ -= bytes;
  }

  const unsigned char* data_;
  size_t length_;
};

Cursor extension(SSL* ssl, unsigned type) {
  const unsigned char* data = nullptr;
  size_t length = 0;
  if (SSL_client_hello_get0_ext(ssl, type, &data, &length) != 1) return {nullptr, 0};
  return {data, length};
}

bool printable(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](unsigned char c) { return c > 0x20 && c < 0x7f; });
}

/// RFC 6066 section 3: a list with one host name.
std::string readServerName(Cursor field) {
  Cursor list(nullptr, 0), name(nullptr, 0);
  uint32_t type = 0;
  if (!field.vector(2, &list) || !field.empty()) return {};
  if (!list.number(1, &type) || type != TLSEXT_NAMETYPE_host_name) return {};
  if (!list.vector(2, &name) || !list.empty()) return {};
  std::string text = name.text();
  if (!printable(text) || text.size() > TLSEXT_MAXLEN_host_name) return {};
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

/// RFC 7301 section 3.1.
std::vector<std::string> readAlpn(Cursor field) {
  std::vector<std::string> names;
  Cursor list(nullptr, 0), name(nullptr, 0);
  if (!field.vector(2, &list)) return names;
  while (list.vector(1, &name)) {
    if (printable(name.text())) names.push_back(name.text());
  }
  return names;
}

std::vector<uint16_t> readNumbers(Cursor field, size_t lengthBytes) {
  std::vector<uint16_t> numbers;
  Cursor list(nullptr, 0);
  uint32_t number = 0;
  if (!field.vector(lengthBytes, &list)) return numbers;
  while (list.number(2, &number)) numbers.push_back(static_cast<uint16_t>(number));
  return numbers;
}

bool offers(const std::vector<uint16_t>& list, std::initializer_list<uint16_t> wanted) {
  return std::find_first_of(list.begin(), list.end(), wanted.begin(), wanted.end()) != list.end();
}

std::vector<uint16_t> readSuites(SSL* ssl) {
  const unsigned char* data = nullptr;
  size_t length = SSL_client_hello_get0_ciphers(ssl, &data);
  Cursor list(data, length);
  std::vector<uint16_t> suites;
  uint32_t suite = 0;
  while (list.number(2, &suite)) suites.push_back(static_cast<uint16_t>(suite));
  return suites;
}

/// DTLS counts downwards (RFC 6347 section 4.1).
bool isDtls12OrLater(unsigned version) {
  return version >> 8 == DTLS1_2_VERSION >> 8 && version <= DTLS1_2_VERSION;
}

}  // namespace

ClientHello ClientHello::read(SSL* ssl) {
  ClientHello hello;
  hello.serverName = readServerName(extension(ssl, TLSEXT_TYPE_server_name));
  hello.alpn = readAlpn(extension(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation));
  hello.signatureSchemes = readNumbers(extension(ssl, TLSEXT_TYPE_signature_algorithms), 2);
  hello.groups = readNumbers(extension(ssl, TLSEXT_TYPE_supported_groups), 2);
  std::vector<uint16_t> versions = readNumbers(extension(ssl, TLSEXT_TYPE_supported_versions), 1);
  hello.tls13 = offers(versions, {TLS1_3_VERSION});
  // Without the extension the old field is the highest version (RFC 8446 section 4.2.1).
  unsigned version = SSL_client_hello_get0_legacy_version(ssl);
  hello.modern = SSL_is_dtls(ssl)     ? isDtls12OrLater(version)
                 : versions.empty() ? version >= TLS1_2_VERSION
                                    : offers(versions, {TLS1_2_VERSION, TLS1_3_VERSION});
  std::vector<uint16_t> suites = readSuites(ssl);
  hello.ecdsaSuites = offers(suites, {0xc02b, 0xc02c, 0xcca9});
  hello.rsaSuites = offers(suites, {0xc02f, 0xc030, 0xcca8});
  return hello;
}

}  // namespace tlspool::engine
