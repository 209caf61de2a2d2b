#include "engine/staging.h"

#include <algorithm>
#include <cstring>

namespace tlspool::engine {

namespace {

thread_local Staging* currentStaging = nullptr;

}  // namespace

Staging::Staging()
    : input_(new unsigned char[kStage]),
      plain_(new unsigned char[plainSize()]),
      output_(new unsigned char[kStage + kSlack]) {}

Staging* Staging::current() { return currentStaging; }
void Staging::setCurrent(Staging* staging) { currentStaging = staging; }

BIO* Staging::newBio() {
  // Never freed: threads may still use it while static objects are destroyed.
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "staging");
    BIO_meth_set_read(made, readBio);
    BIO_meth_set_write(made, writeBio);
    BIO_meth_set_ctrl(made, controlBio);
    return made;
  }();
  BIO* bio = BIO_new(method);
  if (bio) BIO_set_init(bio, 1);
  return bio;
}

void Staging::setWindow(const unsigned char* data, size_t length) {
  window_ = data;
  windowLength_ = length;
}

void Staging::saveWindow(Leftover& kept) {
  Leftover rest;
  rest.append(window_, windowLength_);
  kept = std::move(rest);
  windowLength_ = 0;
}

int Staging::readBio(BIO* bio, char* data, int length) {
  Staging& staging = *currentStaging;
  BIO_clear_retry_flags(bio);
  if (staging.windowLength_ == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  size_t taken = std::min(staging.windowLength_, static_cast<size_t>(length));
  memcpy(data, staging.window_, taken);
  staging.window_ += taken;
  staging.windowLength_ -= taken;
  return static_cast<int>(taken);
}

int Staging::writeBio(BIO* bio, const char* data, int length) {
  Staging& staging = *currentStaging;
  BIO_clear_retry_flags(bio);
  if (staging.outputLength_ + length > kStage + kSlack) {
    BIO_set_retry_write(bio);
    return -1;
  }
  memcpy(staging.output_.get() + staging.outputLength_, data, length);
  staging.outputLength_ += length;
  return length;
}

long Staging::controlBio(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

}  // namespace tlspool::engine
