// Bytes that had to be kept because the other side did not take them yet. Holds no memory while
// empty.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>

namespace tlspool::engine {

class Leftover {
 public:
  bool empty() const { return begin_ == end_; }
  size_t size() const { return end_ - begin_; }
  const unsigned char* data() const { return bytes_.get() + begin_; }

  void append(const unsigned char* data, size_t length) {
    if (length == 0) return;
    auto grown = std::make_unique_for_overwrite<unsigned char[]>(size() + length);
    if (!empty()) memcpy(grown.get(), this->data(), size());
    memcpy(grown.get() + size(), data, length);
    end_ = size() + length;
    begin_ = 0;
    bytes_ = std::move(grown);
  }

  void drop(size_t length) {
    begin_ += length;
    if (empty()) clear();
  }

  void clear() {
    bytes_.reset();
    begin_ = end_ = 0;
  }

 private:
  std::unique_ptr<unsigned char[]> bytes_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace tlspool::engine
