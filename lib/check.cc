#include "lib/check.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "lib/stack_trace.h"

namespace ring3 {

namespace {

thread_local PanicHook panic_hook;

// Prints the message and the stack from `caller` on, and aborts.
[[noreturn]] void vpanic(uintptr_t caller, const char* format, va_list args) {
  char message[512];
  std::vsnprintf(message, sizeof message, format, args);
  if (panic_hook.call != nullptr) panic_hook.call(panic_hook.argument, message);
  std::fprintf(stderr, "ring3: panic: %s\n", message);
  StackTrace::capture(caller).print(stderr);
  std::abort();
}

[[noreturn, gnu::format(printf, 2, 3)]] void panic_at(uintptr_t caller, const char* format, ...) {
  va_list args;
  va_start(args, format);
  vpanic(caller, format, args);
}

}  // namespace

PanicHook exchange_panic_hook(PanicHook hook) { return std::exchange(panic_hook, hook); }

void panic(const char* format, ...) {
  va_list args;
  va_start(args, format);
  vpanic(RING3_CALL_SITE(), format, args);
}

namespace check_internal {
namespace {

__attribute__((format(printf, 1, 2))) Operand formatted(const char* format, ...) {
  Operand operand;
  va_list args;
  va_start(args, format);
  std::vsnprintf(operand.text, sizeof operand.text, format, args);
  va_end(args);
  return operand;
}

}  // namespace

Operand signed_operand(long long value) { return formatted("%lld", value); }
Operand unsigned_operand(unsigned long long value) {
  return formatted("%llu (%#llx)", value, value);
}
Operand pointer_operand(const void* value) { return formatted("%p", value); }
Operand opaque_operand() { return formatted("?"); }

void fail(const char* file, int line, const char* condition) {
  panic_at(RING3_CALL_SITE(), "%s:%d: CHECK(%s) failed", file, line, condition);
}

void fail_binary(const char* file, int line, const char* expression, Operand a, Operand b) {
  panic_at(RING3_CALL_SITE(), "%s:%d: CHECK(%s) failed: left is %s, right is %s", file, line,
           expression, a.text, b.text);
}

}  // namespace check_internal
}  // namespace ring3
