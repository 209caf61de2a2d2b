#include "supervisor/filter.h"

#include <linux/audit.h>
#include <linux/seccomp.h>

#include <cstddef>

namespace tlspool::supervisor {

namespace {

#if defined(__x86_64__)
constexpr uint32_t kArch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArch = AUDIT_ARCH_AARCH64;
#elif defined(__riscv)
constexpr uint32_t kArch = AUDIT_ARCH_RISCV64;
#else
#error "which system calls this machine has is not known to the supervisor"
#endif

/// x32 calls have this bit in their number and the arch of x86-64 (asm/unistd.h:
/// __X32_SYSCALL_BIT). No other machine has numbers as high.
constexpr uint32_t kForeignNumbers = 0x40000000;

/// Some programs ask for it to see what the kernel does: ENOSYS, on every machine.
constexpr uint32_t kNoCall = 0xffffffff;

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the low half of an argument comes first");

constexpr uint32_t offsetOfArgument(int index) {
  return offsetof(seccomp_data, args) + sizeof(uint64_t) * index;
}

sock_filter load(uint32_t offset) { return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset); }
sock_filter result(uint32_t value) { return BPF_STMT(BPF_RET | BPF_K, value); }

sock_filter jump(uint16_t test, uint32_t value, uint8_t ifTrue, uint8_t ifFalse) {
  return BPF_JUMP(static_cast<uint16_t>(BPF_JMP | test | BPF_K), value, ifTrue, ifFalse);
}

/// Load, mask, and compare: the last jumps, over `rest` instructions if the test fails.
void add(std::vector<sock_filter>& code, const Condition& condition, uint8_t rest) {
  bool equals = condition.test == Condition::Test::equals;
  code.push_back(load(offsetOfArgument(condition.argument)));
  code.push_back(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, condition.mask));
  code.push_back(jump(equals ? BPF_JEQ : BPF_JSET, condition.value, 0, rest));
}

/// Falls through to what comes next unless all of the trap holds.
void add(std::vector<sock_filter>& code, const Trap& trap) {
  constexpr size_t kEach = 3;
  auto rest = static_cast<uint8_t>(kEach * trap.conditions.size() + 1);
  code.push_back(load(offsetof(seccomp_data, nr)));
  code.push_back(jump(BPF_JEQ, static_cast<uint32_t>(trap.number), 0, rest));
  for (const Condition& condition : trap.conditions) {
    rest = static_cast<uint8_t>(rest - kEach);
    add(code, condition, rest);
  }
  code.push_back(result(SECCOMP_RET_USER_NOTIF));
}

}  // namespace

std::vector<sock_filter> filterFor(const std::vector<Trap>& traps) {
  std::vector<sock_filter> code = {
      load(offsetof(seccomp_data, arch)),   jump(BPF_JEQ, kArch, 1, 0),
      result(SECCOMP_RET_USER_NOTIF),       load(offsetof(seccomp_data, nr)),
      jump(BPF_JEQ, kNoCall, 0, 1),         result(SECCOMP_RET_ALLOW),
      jump(BPF_JGE, kForeignNumbers, 0, 1), result(SECCOMP_RET_USER_NOTIF),
  };
  for (const Trap& trap : traps) add(code, trap);
  code.push_back(result(SECCOMP_RET_ALLOW));
  return code;
}

bool isNativeCall(uint32_t arch, int number) {
  return arch == kArch && static_cast<uint32_t>(number) < kForeignNumbers;
}

}  // namespace tlspool::supervisor
