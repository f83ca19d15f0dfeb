#include "lockdep/report.h"

#include <boost/test/unit_test.hpp>
#include <regex>
#include <sstream>

#include "lib/os.h"
#include "tests/lockdep/lockdep_fixture.h"

namespace ring3::lockdep {
namespace {

// `text` with each stack, however deep, as one line: the lines after a head, "-> #n" or
// "Call Trace:", that are indented.
std::string without_stacks(const std::string& text) {
  std::istringstream in(text);
  std::string out;
  bool in_stack = false;
  for (std::string line; std::getline(in, line);) {
    in_stack = in_stack && line.starts_with(' ');
    if (in_stack) continue;
    out += line + '\n';
    in_stack = line.starts_with("-> #") || line == "Call Trace:";
    if (in_stack) out += "<stack>\n";
  }
  return out;
}

// The report with what changes from run to run masked: stacks, instance addresses, the task and
// the CPU.
std::string masked(const std::string& report) {
  std::string text = without_stacks(report);
  const auto replace = [&text](const std::string& pattern, const char* by) {
    text = std::regex_replace(text, std::regex(pattern), by);
  };
  char name[16];
  os::thread_name(name);
  const std::string id = std::to_string(os::thread_id());
  replace(std::string(name) + "/" + id, "TASK/TID");
  replace("CPU: [0-9]+ PID: " + id + " Comm: " + name + "\n", "CPU: N PID: TID Comm: TASK\n");
  replace("[0-9a-f]{16}", "ADDRESS");
  return text;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(lockdep_report, LocksFixture)

BOOST_AUTO_TEST_CASE(circular_report_has_the_kernels_shape) {
  task.nest(a, b);
  task.nest(b, c);
  task.lock(c);
  task.lock(a);
  BOOST_TEST(masked(only_report()) == R"(
======================================================
WARNING: possible circular locking dependency detected
ring3 lockdep
------------------------------------------------------
TASK/TID is trying to acquire lock:
ADDRESS (A){+.+.}-{2:2}, at: 0x1000

but task is already holding lock:
ADDRESS (C){+.+.}-{3:3}, at: 0x1000

which lock already depends on the new lock.


the existing dependency chain (in reverse order) is:

-> #2 (C){+.+.}-{3:3}:
<stack>

-> #1 (B){+.+.}-{2:2}:
<stack>

-> #0 (A){+.+.}-{2:2}:
<stack>

other info that might help us debug this:

Chain exists of:
  A --> B --> C

 Possible unsafe locking scenario:

       CPU0                    CPU1
       ----                    ----
  lock(C);
                               lock(B);
                               lock(C);
  lock(A);

 *** DEADLOCK ***

1 lock held by TASK/TID:
 #0: ADDRESS (C){+.+.}-{3:3}, at: 0x1000

stack backtrace:
CPU: N PID: TID Comm: TASK
Call Trace:
<stack>
)");
}

BOOST_AUTO_TEST_CASE(two_lock_circle_names_no_chain) {
  task.nest(a, b);
  task.nest(b, a);
  BOOST_TEST(!reported("Chain exists of:"));
  BOOST_TEST(
      reported("  lock(B);\n"
               "                               lock(A);\n"
               "                               lock(B);\n"
               "  lock(A);\n\n *** DEADLOCK ***\n"));
}

BOOST_AUTO_TEST_CASE(scenario_says_who_reads) {
  task.read_lock(a);
  task.lock(b);
  task.unlock(b);
  task.unlock(a);
  task.lock(b);
  task.lock(a);
  BOOST_TEST(
      reported("  lock(B);\n"
               "                               rlock(A);\n"
               "                               lock(B);\n"
               "  lock(A);\n"));
  BOOST_TEST(reported(" (A){++++}-{2:2}"));
}

BOOST_AUTO_TEST_CASE(recursive_report_has_the_kernels_shape) {
  task.lock(b);
  task.lock(a);
  task.lock(a2);
  BOOST_TEST(masked(only_report()) == R"(
============================================
WARNING: possible recursive locking detected
ring3 lockdep
--------------------------------------------
TASK/TID is trying to acquire lock:
ADDRESS (A){+.+.}-{2:2}, at: 0x1000

but task is already holding lock:
ADDRESS (A){+.+.}-{2:2}, at: 0x1000

other info that might help us debug this:
 Possible unsafe locking scenario:

       CPU0
       ----
  lock(A);
  lock(A);

 *** DEADLOCK ***

 May be due to missing lock nesting notation

2 locks held by TASK/TID:
 #0: ADDRESS (B){+.+.}-{2:2}, at: 0x1000
 #1: ADDRESS (A){+.+.}-{2:2}, at: 0x1000

stack backtrace:
CPU: N PID: TID Comm: TASK
Call Trace:
<stack>
)");
}

BOOST_AUTO_TEST_CASE(unlock_balance_report_has_the_kernels_shape) {
  task.unlock(a);
  BOOST_TEST(masked(only_report()) == R"(
=====================================
WARNING: bad unlock balance detected!
ring3 lockdep
-------------------------------------
TASK/TID is trying to release lock (A) at:
[<ADDRESS>] 0x1000
but there are no more locks to release!

other info that might help us debug this:
no locks held by TASK/TID.

stack backtrace:
CPU: N PID: TID Comm: TASK
Call Trace:
<stack>
)");
}

BOOST_AUTO_TEST_CASE(subclass_is_part_of_the_name) {
  task.nest(a_sub, b);
  task.nest(b, a_sub);
  BOOST_TEST(reported(" (A/1){+.+.}-{2:2}, at: "));
  BOOST_TEST(reported("  lock(A/1);\n"));
}

// Not inlined and named: the reports below must name them.
[[gnu::noinline]] void takes_a_then_b(Spinlock& a, Spinlock& b) {
  SpinlockGuard outer(a);
  SpinlockGuard inner(b);
  asm volatile("");
}
[[gnu::noinline]] void takes_b_then_a(Spinlock& a, Spinlock& b) {
  SpinlockGuard outer(b);
  SpinlockGuard inner(a);
  asm volatile("");
}

BOOST_AUTO_TEST_CASE(report_names_the_functions_that_took_the_locks) {
  Spinlock first(checker.get(), kKeyA);
  Spinlock second(checker.get(), kKeyB);
  takes_a_then_b(first, second);
  takes_b_then_a(first, second);
  const std::string text = only_report();
  const size_t wants = text.find(", at: ");
  BOOST_REQUIRE(wants != std::string::npos);
  const std::string at = text.substr(wants, text.find('\n', wants) - wants);
  BOOST_TEST(at.find("takes_b_then_a") != std::string::npos, at);
  const std::string older =
      text.substr(text.find("-> #1"), text.find("-> #0") - text.find("-> #1"));
  BOOST_TEST(older.find("takes_a_then_b") != std::string::npos, older);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::lockdep
