#include "token/secret.h"

#include <openssl/crypto.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <utility>

namespace tlspool::token {

namespace {

size_t pages(size_t size) {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return (size / page + 1) * page;
}

}  // namespace

Secret::Secret(const void* data, size_t length) {
  void* memory =
      mmap(nullptr, pages(length), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return;
  // Beyond RLIMIT_MEMLOCK this fails: a PIN that could be swapped is still better than no service.
  mlock(memory, pages(length));
  madvise(memory, pages(length), MADV_DONTDUMP);
  data_ = static_cast<unsigned char*>(memory);
  size_ = length;
  if (length) memcpy(data_, data, length);
}

Secret::Secret(Secret&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this == &other) return *this;
  wipe();
  data_ = std::exchange(other.data_, nullptr);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

Secret::~Secret() { wipe(); }

void Secret::wipe() {
  if (!data_) return;
  OPENSSL_cleanse(data_, size_);
  munmap(data_, pages(size_));
  data_ = nullptr;
  size_ = 0;
}

}  // namespace tlspool::token
