// The buffers that all sessions of one thread share, and the BIO through which OpenSSL sees them. A
// socket is read and written in large pieces here; OpenSSL's record layer takes and gives its small
// ones by memory copy, many records to a system call.
//
// One session uses the staging at a time. What is left over at its end moves to the session.
#pragma once

#include <openssl/bio.h>

#include <cstddef>
#include <memory>

#include "engine/leftover.h"
#include "engine/limits.h"

namespace tlspool::engine {

class Staging {
 public:
  Staging();

  /// The staging of this thread; null on threads that run no sessions.
  static Staging* current();
  static void setCurrent(Staging* staging);

  /// A new BIO on the current thread's staging: reads from the window, writes to the output.
  /// Neither ever blocks: an empty window asks for a retry. The end of the stream is not shown
  /// through it.
  static BIO* newBio();

  /// Room for ciphertext that a socket gives.
  unsigned char* input() { return input_.get(); }
  /// Room for plaintext, from either side; larger than any input decrypts to.
  unsigned char* plain() { return plain_.get(); }
  static constexpr size_t plainSize() { return kStage + kSlack; }

  /// What OpenSSL reads next.
  void setWindow(const unsigned char* data, size_t length);
  bool windowEmpty() const { return windowLength_ == 0; }
  /// Keeps what OpenSSL did not take.
  void saveWindow(Leftover& kept);
  /// From now on OpenSSL reads nothing more from the window.
  void dropWindow() { windowLength_ = 0; }

  /// What OpenSSL wrote.
  const unsigned char* output() const { return output_.get(); }
  size_t outputLength() const { return outputLength_; }
  void clearOutput() { outputLength_ = 0; }

 private:
  static constexpr size_t kSlack = 64 * 1024;

  static int readBio(BIO* bio, char* data, int length);
  static int writeBio(BIO* bio, const char* data, int length);
  static long controlBio(BIO* bio, int command, long number, void* pointer);

  std::unique_ptr<unsigned char[]> input_;
  std::unique_ptr<unsigned char[]> plain_;
  std::unique_ptr<unsigned char[]> output_;
  const unsigned char* window_ = nullptr;
  size_t windowLength_ = 0;
  size_t outputLength_ = 0;
};

}  // namespace tlspool::engine
