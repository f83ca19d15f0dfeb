#include "harness/stress/crash_handler.h"

#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>

#include "tests/death.h"

namespace ring3::harness {
namespace {

// Sanitizers have handlers of their own, which stay.
boost::test_tools::assertion_result not_sanitized(boost::unit_test::test_unit_id) {
  const std::string variant = RING3_BUILD;
  return variant.find("address") == std::string::npos &&
         variant.find("thread") == std::string::npos && variant.find("memory") == std::string::npos;
}

using test::Death;

// What a child says that has the handler installed and crashes in `body`.
template <class Body>
Death crash_in_child(Body body) {
  return test::run_in_child([&] {
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    for (const int number : {SIGSEGV, SIGABRT, SIGFPE}) std::signal(number, SIG_DFL);
    // Should it hang, the test says so and not the machine.
    alarm(20);
    static const std::string command = "ring3 stress --seed 1";
    install_crash_handler(command);
    body();
  });
}

bool contains(const Death& death, const std::string& part) {
  return death.said.find(part) != std::string::npos;
}

// The top of the heap is damaged, so that the next call of malloc aborts while it holds its lock.
void crash_inside_malloc() {
  std::thread([] {
    constexpr size_t kBytes = 100'000;
    char* volatile last = nullptr;
    for (int i = 0; i < 50; ++i) last = static_cast<char*>(std::malloc(kBytes));
    volatile size_t* top = reinterpret_cast<size_t*>(last + malloc_usable_size(last));
    *top = ~size_t{0} << 4;
    for (int i = 0; i < 50; ++i) {
      [[maybe_unused]] void* volatile never = std::malloc(kBytes);
    }
  }).join();
}

[[gnu::noinline]] int overflow_the_stack(int depth);
int overflow_the_stack(int depth) {
  volatile char room[4096];
  room[0] = static_cast<char>(depth);
  return depth == 0 ? room[0] : overflow_the_stack(depth + 1) + room[0];
}

}  // namespace

BOOST_AUTO_TEST_SUITE(harness_stress_crash_handler, *boost::unit_test::precondition(not_sanitized))

BOOST_AUTO_TEST_CASE(a_crash_is_named_with_the_command_and_ends_by_its_signal) {
  for (const int number : {SIGSEGV, SIGABRT, SIGFPE}) {
    const Death death = crash_in_child([number] { raise(number); });
    BOOST_TEST(death.signal == number);
    BOOST_TEST(contains(death, "ring3: crashed by signal " + std::to_string(number) + "\n"));
    BOOST_TEST(contains(death, "ring3: repeat its requests with: ring3 stress --seed 1\n"));
    BOOST_TEST(contains(death, "ring3-tests+0x"));
  }
}

BOOST_AUTO_TEST_CASE(a_fault_ends_by_its_signal) {
  const Death death = crash_in_child([] {
    volatile uintptr_t nowhere = 16;
    *reinterpret_cast<volatile int*>(nowhere) = 1;
  });
  BOOST_TEST(death.signal == SIGSEGV);
  BOOST_TEST(contains(death, "crashed by signal 11"));
}

BOOST_AUTO_TEST_CASE(a_crash_inside_malloc_does_not_hang) {
  const Death death = crash_in_child(crash_inside_malloc);
  BOOST_TEST(death.signal == SIGABRT);
  BOOST_TEST(contains(death, "crashed by signal 6"));
  BOOST_TEST(contains(death, "libc.so.6+0x"));
}

BOOST_AUTO_TEST_CASE(a_stack_that_overflows_is_a_crash_like_any_other) {
  const Death death = crash_in_child([] {
    std::thread([] {
      const CrashStack crash_stack;
      overflow_the_stack(1);
    }).join();
  });
  BOOST_TEST(death.signal == SIGSEGV);
  BOOST_TEST(contains(death, "crashed by signal 11"));
}

BOOST_AUTO_TEST_CASE(two_threads_that_crash_at_once_are_one_crash) {
  const Death death = crash_in_child([] {
    std::thread one([] { raise(SIGSEGV); });
    std::thread two([] { raise(SIGSEGV); });
    one.join();
    two.join();
  });
  BOOST_TEST(death.signal == SIGSEGV);
  const size_t first = death.said.find("crashed by signal");
  BOOST_TEST(first != std::string::npos);
  BOOST_TEST(death.said.find("crashed by signal", first + 1) == std::string::npos);
}

// Standard error is a pipe that nobody reads: the watchdog ends what would wait for ever.
BOOST_AUTO_TEST_CASE(a_handler_that_hangs_is_ended) {
  const pid_t child = fork();
  if (child == 0) {
    int ends[2];
    if (pipe(ends) != 0) _exit(1);
    std::string fill(size_t{1} << 16, 'x');
    if (write(ends[1], fill.data(), fill.size()) < 0) _exit(1);
    dup2(ends[1], STDERR_FILENO);
    std::signal(SIGSEGV, SIG_DFL);
    static const std::string command = "ring3";
    install_crash_handler(command);
    raise(SIGSEGV);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  BOOST_TEST(WIFSIGNALED(status));
  BOOST_TEST(WTERMSIG(status) == SIGALRM);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::harness
