#pragma once

// CHECK(condition) and CHECK_EQ/NE/LT/LE/GT/GE(a, b): invariants of this program. Always on.
// DCHECK*: the same in debug builds, compiled and thrown away in release.
// A failure prints the file, the condition, both operands and the stack, then aborts.
// Wrong input from outside is never a CHECK; it is an Error (lib/result.h).

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace ring3 {

// Prints "ring3: panic: " + message + the caller's stack to standard error and aborts.
[[noreturn]] void panic(const char* format, ...) __attribute__((format(printf, 1, 2), cold));

// Called with the message of a panic of this thread before anything is printed. One that does not
// return, as a simulation's, is the end of the panic.
struct PanicHook {
  void (*call)(void* argument, const char* message) = nullptr;
  void* argument = nullptr;
};
// Returns the hook before; {} for none.
PanicHook exchange_panic_hook(PanicHook hook);

namespace check_internal {

// An operand as text, without allocating.
struct Operand {
  char text[48];
};
Operand signed_operand(long long value);
Operand unsigned_operand(unsigned long long value);
Operand pointer_operand(const void* value);
Operand opaque_operand();

template <class T>
Operand operand(const T& value) {
  if constexpr (std::is_enum_v<T>) {
    return operand(static_cast<std::underlying_type_t<T>>(value));
  } else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
    return signed_operand(value);
  } else if constexpr (std::is_integral_v<T>) {
    return unsigned_operand(value);
  } else if constexpr (std::is_null_pointer_v<T>) {
    return pointer_operand(nullptr);
  } else if constexpr (std::is_pointer_v<T>) {
    return pointer_operand(value);
  } else if constexpr (requires { value.value(); }) {
    return operand(value.value());
  } else {
    return opaque_operand();
  }
}

[[noreturn]] void fail(const char* file, int line, const char* condition)
    __attribute__((cold, noinline));
[[noreturn]] void fail_binary(const char* file, int line, const char* expression, Operand a,
                              Operand b) __attribute__((cold, noinline));

}  // namespace check_internal
}  // namespace ring3

#define CHECK(condition)              \
  (__builtin_expect(!!(condition), 1) \
       ? (void)0                      \
       : ::ring3::check_internal::fail(__FILE__, __LINE__, #condition))

#define RING3_CHECK_BINARY(op, a, b)                                                   \
  do {                                                                                 \
    const auto& check_a = (a);                                                         \
    const auto& check_b = (b);                                                         \
    if (__builtin_expect(!(check_a op check_b), 0))                                    \
      ::ring3::check_internal::fail_binary(__FILE__, __LINE__, #a " " #op " " #b,      \
                                           ::ring3::check_internal::operand(check_a),  \
                                           ::ring3::check_internal::operand(check_b)); \
  } while (0)

#define CHECK_EQ(a, b) RING3_CHECK_BINARY(==, a, b)
#define CHECK_NE(a, b) RING3_CHECK_BINARY(!=, a, b)
#define CHECK_LT(a, b) RING3_CHECK_BINARY(<, a, b)
#define CHECK_LE(a, b) RING3_CHECK_BINARY(<=, a, b)
#define CHECK_GT(a, b) RING3_CHECK_BINARY(>, a, b)
#define CHECK_GE(a, b) RING3_CHECK_BINARY(>=, a, b)

#ifdef RING3_DEBUG
#define RING3_DCHECK_ENABLED 1
#else
#define RING3_DCHECK_ENABLED 0
#endif

// `if (0)` keeps the operands compiled, so that a DCHECK cannot rot in release builds.
#define RING3_DCHECK(check)          \
  do {                               \
    if (RING3_DCHECK_ENABLED) check; \
  } while (0)
#define DCHECK(condition) RING3_DCHECK(CHECK(condition))
#define DCHECK_EQ(a, b) RING3_DCHECK(CHECK_EQ(a, b))
#define DCHECK_NE(a, b) RING3_DCHECK(CHECK_NE(a, b))
#define DCHECK_LT(a, b) RING3_DCHECK(CHECK_LT(a, b))
#define DCHECK_LE(a, b) RING3_DCHECK(CHECK_LE(a, b))
#define DCHECK_GT(a, b) RING3_DCHECK(CHECK_GT(a, b))
#define DCHECK_GE(a, b) RING3_DCHECK(CHECK_GE(a, b))
