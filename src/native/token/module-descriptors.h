// PKCS #11 modules open files and sockets without O_CLOEXEC; the programs that we start must not
// inherit them.
#pragma once

#include <vector>

namespace tlspool::token {

/// Around calls into a module that may open descriptors: what they leave behind closes on exec.
class ModuleDescriptors {
 public:
  ModuleDescriptors();
  ~ModuleDescriptors();
  ModuleDescriptors(const ModuleDescriptors&) = delete;
  ModuleDescriptors& operator=(const ModuleDescriptors&) = delete;

 private:
  std::vector<int> before_;  // sorted
};

}  // namespace tlspool::token
