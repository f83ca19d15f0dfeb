#include "lib/check.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include "lib/stack_trace.h"

namespace ring3 {

void panic(const char* format, ...) {
  char message[512];
  va_list args;
  va_start(args, format);
  std::vsnprintf(message, sizeof message, format, args);
  va_end(args);
  std::fprintf(stderr, "ring3: panic: %s\n", message);
  StackTrace::capture().print(stderr);
  std::abort();
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
  panic("%s:%d: CHECK(%s) failed", file, line, condition);
}

void fail_binary(const char* file, int line, const char* expression, Operand a, Operand b) {
  panic("%s:%d: CHECK(%s) failed: left is %s, right is %s", file, line, expression, a.text, b.text);
}

}  // namespace check_internal
}  // namespace ring3
