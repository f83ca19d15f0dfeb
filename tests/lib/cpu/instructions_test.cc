// How many instructions the fast paths are, read back from this very program: what the compiler
// makes of them is part of what they promise.

#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <string>

#include "lib/cpu/fault.h"
#include "lib/cpu/percpu_counters.h"
#include "lib/cpu/percpu_stack.h"
#include "lib/cpu/task.h"

#if RING3_HAVE_RSEQ

namespace ring3 {

// Exported, so that the disassembler finds them by name.
extern "C" {
[[gnu::noinline]] bool ring3_sample_pop(PerCpuStack<void*>& stack, void*& out);
[[gnu::noinline]] bool ring3_sample_push(PerCpuStack<void*>& stack, void* entry);
[[gnu::noinline]] void ring3_sample_add(PerCpuCounters& counters);
[[gnu::noinline]] bool ring3_sample_fault(FaultPoint& point);
[[gnu::noinline]] Task* ring3_sample_current();
}
bool ring3_sample_pop(PerCpuStack<void*>& stack, void*& out) { return stack.pop(out); }
bool ring3_sample_push(PerCpuStack<void*>& stack, void* entry) { return stack.push(entry); }
void ring3_sample_add(PerCpuCounters& counters) { counters.add(1, 1); }
bool ring3_sample_fault(FaultPoint& point) { return point.should_fail(64); }
Task* ring3_sample_current() { return &Task::current(); }

namespace {

// Of `function` from its first instruction to its first return: the compiler puts the unlikely
// behind that.
int instructions_of(const std::string& function) {
  const std::string command =
      "objdump -d --no-show-raw-insn --disassemble=" + function + " /proc/$PPID/exe 2>/dev/null";
  std::FILE* pipe = popen(command.c_str(), "r");
  BOOST_REQUIRE(pipe != nullptr);
  char line[512];
  int count = 0;
  bool inside = false;
  bool returned = false;
  while (std::fgets(line, sizeof line, pipe) != nullptr) {
    const std::string text = line;
    if (inside && !returned && text.find(":\t") != std::string::npos) ++count;
    if (inside && text.find("\tret") != std::string::npos) returned = true;
    if (text.find("<" + function + ">:") != std::string::npos) inside = true;
  }
  pclose(pipe);
  BOOST_REQUIRE(returned);
  return count;
}

bool is_plain_release() { return std::string(RING3_BUILD) == "release"; }

}  // namespace

BOOST_AUTO_TEST_SUITE(lib_cpu_instructions)

// Frame pointer and return included. What the sequences need of them is 15.
BOOST_AUTO_TEST_CASE(fast_paths_are_as_short_as_they_were) {
  if (!is_plain_release()) return;
  BOOST_TEST(instructions_of("ring3_sample_pop") <= 25);
  BOOST_TEST(instructions_of("ring3_sample_push") <= 24);
  BOOST_TEST(instructions_of("ring3_sample_add") <= 22);
  BOOST_TEST(instructions_of("ring3_sample_fault") <= 6);
  BOOST_TEST(instructions_of("ring3_sample_current") <= 8);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3

#endif
