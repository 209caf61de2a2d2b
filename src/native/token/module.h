// A PKCS #11 module, loaded once into its own symbol scope (it keeps its own libcrypto), and the
// barrier that lets it be finalised and initialised again while many threads use it.
#pragma once

#include <p11-kit/pkcs11.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace tlspool::token {

using Clock = std::chrono::steady_clock;

class Module {
 public:
  struct Options {
    /// Absolute; from our configuration only, never from a client.
    std::string path;
    /// SOFTHSM2_CONF while the module reads its environment; empty: as the process has it.
    std::string softhsmConf;
    /// C_Finalize and C_Initialize happen no more often than this.
    std::chrono::milliseconds revivalInterval{30'000};
  };

  /// Loads and initialises, or gives the module of this path that is loaded already. Null and
  /// `error` in words on failure. Main thread only: it changes the environment for a moment.
  static std::shared_ptr<Module> load(const Options& options, std::string* error);
  /// All that are loaded, in order of loading.
  static std::vector<std::shared_ptr<Module>> all();

  /// Leave to call the module: while one exists, the module is not finalised.
  class Pass {
   public:
    explicit Pass(Module& module);
    ~Pass();
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;
    CK_FUNCTION_LIST* operator->() const { return module_.functions_; }
    /// See Module::generation.
    uint64_t generation() const { return generation_; }

   private:
    Module& module_;
    uint64_t generation_;
  };

  /// Whether revival has a chance to happen now.
  bool revivable();
  /// Finalises and initialises anew, unless that was done since `generation` or less than the
  /// interval ago. Waits for those who hold a Pass; the caller must hold none. True if the module
  /// was revived, by us or by another.
  bool revive(uint64_t generation);
  /// Raised by each revival: sessions and objects of an older one are gone.
  uint64_t generation();

  const std::string& path() const { return options_.path; }
  /// As the module told at load.
  const CK_INFO& info() const { return info_; }

  /// For the end of the process: no Pass is given any more, then C_Finalize. Gives up when a call
  /// does not come back in time, and leaves the module as it is.
  void finalize(std::chrono::milliseconds patience);

 private:
  explicit Module(Options options) : options_(std::move(options)) {}
  bool open(std::string* error);
  CK_RV initialize();
  bool drain(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds patience);

  const Options options_;
  CK_FUNCTION_LIST* functions_ = nullptr;
  CK_INFO info_{};

  std::mutex mutex_;
  std::condition_variable changed_;
  unsigned inside_ = 0;  // Passes out
  bool closed_ = false;  // no new Pass: being revived
  bool ours_ = false;    // we initialised it, so that we may finalise it
  bool ended_ = false;
  uint64_t generation_ = 1;
  Clock::time_point lastRevival_{};
};

}  // namespace tlspool::token
