// Which system calls of the program come to the supervisor: a number, and conditions on arguments.
#pragma once

#include <cstdint>
#include <vector>

namespace tlspool::supervisor {

/// A test of the low 32 bits of one argument, or of some of them.
struct Condition {
  enum class Test { equals, hasAnyBit };

  int argument;
  Test test;
  uint32_t value;
  /// What of the argument is looked at.
  uint32_t mask = 0xffffffff;
};

/// All conditions have to hold; several traps may name the same system call.
struct Trap {
  int number;
  std::vector<Condition> conditions = {};
  /// Needed only where names are learned on the way of DNS through us.
  bool forNames = false;
};

}  // namespace tlspool::supervisor
