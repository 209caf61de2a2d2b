#include "token/module.h"

#include <dlfcn.h>

#include <cstdlib>
#include <optional>

#include "token/key.h"
#include "token/module-descriptors.h"

namespace tlspool::token {

namespace {

std::mutex modulesMutex;

std::vector<std::shared_ptr<Module>>& modules() {
  static auto* only =
      new std::vector<std::shared_ptr<Module>>;  // threads may outlive static objects
  return *only;
}

/// SoftHSM reads its configuration's path from the environment at each C_Initialize and nowhere
/// else. Children and later readers must not see it, so it is put there for the call alone.
class SofthsmConf {
 public:
  explicit SofthsmConf(const std::string& path) : active_(!path.empty()) {
    if (!active_) return;
    if (const char* value = getenv(kName)) before_ = value;
    setenv(kName, path.c_str(), 1);
  }
  ~SofthsmConf() {
    if (!active_) return;
    if (before_) {
      setenv(kName, before_->c_str(), 1);
    } else {
      unsetenv(kName);
    }
  }
  SofthsmConf(const SofthsmConf&) = delete;
  SofthsmConf& operator=(const SofthsmConf&) = delete;

 private:
  static constexpr const char* kName = "SOFTHSM2_CONF";
  const bool active_;
  std::optional<std::string> before_;
};

int loadFlags() {
  int flags = RTLD_NOW | RTLD_LOCAL;
#ifndef TLSPOOL_SANITIZE   // the sanitizers' runtimes refuse it
  flags |= RTLD_DEEPBIND;  // the module's libcrypto, not the one that node exports
#endif
  return flags;
}

/// How long a revival waits for calls in flight; a token that takes longer is not revived.
constexpr std::chrono::milliseconds kDrainPatience{10'000};

}  // namespace

std::shared_ptr<Module> Module::load(const Options& options, std::string* error) {
  std::lock_guard lock(modulesMutex);
  for (const auto& each : modules()) {
    if (each->path() == options.path) return each;
  }
  std::shared_ptr<Module> module(new Module(options));
  if (!module->open(error)) return nullptr;
  modules().push_back(module);
  return module;
}

std::vector<std::shared_ptr<Module>> Module::all() {
  std::lock_guard lock(modulesMutex);
  return modules();
}

bool Module::open(std::string* error) {
  SofthsmConf environment(options_.softhsmConf);
  ModuleDescriptors descriptors;
  // Never closed again: modules leave threads and atexit handlers behind.
  void* library = dlopen(options_.path.c_str(), loadFlags());
  if (!library) {
    const char* reason = dlerror();
    *error = reason ? reason : "dlopen failed";
    return false;
  }
  auto getFunctionList =
      reinterpret_cast<CK_C_GetFunctionList>(dlsym(library, "C_GetFunctionList"));
  if (!getFunctionList) {
    *error = options_.path + ": not a PKCS #11 module (no C_GetFunctionList)";
    return false;
  }
  lastRevival_ = Clock::now() - options_.revivalInterval;
  CK_RV rv = getFunctionList(&functions_);
  if (rv == CKR_OK) rv = initialize();
  if (rv == CKR_OK) rv = functions_->C_GetInfo(&info_);
  if (rv == CKR_OK) {
    // Handlers run in the reverse order of their registration: ours before the module's
    // destructors.
    atexit(stop);
    return true;
  }
  *error = options_.path + ": " + returnValueName(rv);
  return false;
}

CK_RV Module::initialize() {
  CK_C_INITIALIZE_ARGS arguments{};
  arguments.flags = CKF_OS_LOCKING_OK;
  const CK_RV rv = functions_->C_Initialize(&arguments);
  ours_ = rv == CKR_OK;
  return rv == CKR_CRYPTOKI_ALREADY_INITIALIZED ? CKR_OK : rv;
}

bool Module::revivable() {
  std::lock_guard lock(mutex_);
  return !closed_ && Clock::now() - lastRevival_ >= options_.revivalInterval;
}

bool Module::revive(uint64_t generation) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !closed_ || ended_; });
  if (ended_) return false;
  if (generation_ != generation) return true;
  if (Clock::now() - lastRevival_ < options_.revivalInterval) return false;
  lastRevival_ = Clock::now();
  closed_ = true;
  CK_RV rv = CKR_GENERAL_ERROR;
  if (drain(lock, kDrainPatience)) {
    // Our threads wait at the barrier. The environment was given room for the variable when the
    // module was loaded, so that setting it again does not move what others read.
    SofthsmConf environment(options_.softhsmConf);
    ModuleDescriptors descriptors;
    functions_->C_Finalize(nullptr);
    rv = initialize();
    generation_++;
  }
  closed_ = false;
  changed_.notify_all();
  return rv == CKR_OK;
}

uint64_t Module::generation() {
  std::lock_guard lock(mutex_);
  return generation_;
}

bool Module::drain(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds patience) {
  return changed_.wait_for(lock, patience, [this] { return inside_ == 0; });
}

void Module::finalize(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  if (ended_) return;
  changed_.wait_for(lock, patience, [this] { return !closed_; });
  closed_ = ended_ = true;
  if (!drain(lock, patience) || !ours_) return;
  functions_->C_Finalize(nullptr);
  ours_ = false;
}

Module::Pass::Pass(Module& module) : module_(module) {
  std::unique_lock lock(module_.mutex_);
  module_.changed_.wait(lock, [this] { return !module_.closed_; });
  module_.inside_++;
  generation_ = module_.generation_;
}

Module::Pass::~Pass() {
  std::lock_guard lock(module_.mutex_);
  if (--module_.inside_ == 0 && module_.closed_) module_.changed_.notify_all();
}

}  // namespace tlspool::token
