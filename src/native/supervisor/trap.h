// Which system calls of the program come to the supervisor: a number, and conditions on arguments.
#pragma once

#include <cstdint>
#include <vector>

namespace tlspool::supervisor {

/// A test of the low 32 bits of one argument.
struct Condition {
  enum class Test { equals, hasAnyBit };

  int argument;
  Test test;
  uint32_t value;
};

/// All conditions have to hold; several traps may name the same system call.
struct Trap {
  int number;
  std::vector<Condition> conditions = {};
  /// Needed only where names are learned on the way of DNS through us.
  bool forNames = false;
};

}  // namespace tlspool::supervisor
