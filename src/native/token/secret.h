// A PIN in memory of its own: locked against swapping, left out of core dumps, wiped when it goes.
#pragma once

#include <cstddef>

namespace tlspool::token {

class Secret {
 public:
  Secret() = default;
  /// Copies; wiping the source is the caller's. Empty if there is no memory.
  Secret(const void* data, size_t length);
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();

  const unsigned char* data() const { return data_; }
  size_t size() const { return size_; }
  /// True if there is one at all; a PIN of no bytes is one, too.
  explicit operator bool() const { return data_ != nullptr; }
  void wipe();

 private:
  unsigned char* data_ = nullptr;  // whole pages
  size_t size_ = 0;
};

}  // namespace tlspool::token
