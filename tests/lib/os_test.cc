// The host: reservations, threads, futexes, stacks, and the probes in this very program.

#include "lib/os.h"

#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <string>
#include <thread>

#include "lib/stack_trace.h"
#include "lib/tracepoint.h"

namespace ring3 {

// A function with an exported name.
[[gnu::noinline]] StackTrace capture_from_caller(uintptr_t& site);
StackTrace capture_from_caller(uintptr_t& site) {
  site = RING3_CALL_SITE();
  const StackTrace trace = StackTrace::capture(site);
  return trace;
}
namespace {
[[gnu::noinline]] int hidden_function(int x) { return x * 3; }
}  // namespace
[[gnu::noinline]] StackTrace capture_here();
StackTrace capture_here() {
  const StackTrace trace = StackTrace::capture();
  asm volatile("");
  return trace;
}

BOOST_AUTO_TEST_SUITE(lib_os)

BOOST_AUTO_TEST_CASE(a_thread_has_a_name_and_an_id) {
  std::thread([] {
    os::set_thread_name("a-name-that-is-too-long");
    std::array<char, 16> name;
    os::thread_name(name);
    BOOST_TEST(std::string(name.data()) == "a-name-that-is-");
    BOOST_TEST(os::thread_id() != getpid());
  }).join();
}

BOOST_AUTO_TEST_CASE(a_futex_waits_for_its_word) {
  std::atomic<uint32_t> word{0};
  std::thread waker([&] {
    os::sleep_for(milliseconds(5));
    word.store(1);
    os::futex_wake(word, 1);
  });
  while (word.load() == 0) os::futex_wait(word, 0);
  waker.join();
  os::futex_wait(word, 0);  // holds another value: returns at once
}

BOOST_AUTO_TEST_CASE(a_stack_names_its_callers) {
  const StackTrace trace = capture_here();
  BOOST_REQUIRE(trace.frames().size() >= 2u);
  char text[200];
  describe_address(trace.frames()[0], text);
  BOOST_TEST(std::string(text).find("ring3::capture_here+0x") == 0u);
}

BOOST_AUTO_TEST_CASE(a_stack_can_begin_with_a_caller) {
  uintptr_t site = 0;
  const StackTrace trace = capture_from_caller(site);
  BOOST_REQUIRE(!trace.frames().empty());
  BOOST_TEST(trace.frames()[0] == site);
}

BOOST_AUTO_TEST_CASE(static_functions_have_names) {
  char text[200];
  describe_address(reinterpret_cast<uintptr_t>(&hidden_function) + 1, text);
  BOOST_TEST(std::string(text).find("ring3::(anonymous namespace)::hidden_function+0x1/0x") == 0u);
}

BOOST_AUTO_TEST_CASE(an_address_without_a_symbol_is_given_with_its_file_or_bare) {
  char text[200];
  describe_address(16, text);
  BOOST_TEST(std::string(text) == "0x10");
  char small[4];
  BOOST_TEST(describe_address(0x123456, small) == 3u);
  BOOST_TEST(describe_address(16) == "0x10");
  BOOST_TEST(describe_address(0) == "nowhere");
}

#if __has_include(<sys/sdt.h>)
// readelf is part of binutils, which the compiler needs.
BOOST_AUTO_TEST_CASE(probes_are_in_the_program) {
  std::FILE* pipe = popen("readelf -n /proc/$PPID/exe 2>/dev/null", "r");
  BOOST_REQUIRE(pipe != nullptr);
  std::string notes;
  char buffer[4096];
  for (size_t got; (got = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;)
    notes.append(buffer, got);
  pclose(pipe);
  BOOST_TEST(notes.find("Provider: ring3") != std::string::npos);
  for (const char* name : {"mm_page_alloc", "mm_page_free", "mm_page_alloc_zone_locked",
                           "mm_page_pcpu_drain", "kmalloc", "kfree", "kmem_cache_alloc",
                           "kmem_cache_free", "tcp_retransmit_skb", "phase_begin", "phase_end"}) {
    BOOST_TEST(notes.find(std::string("Name: ") + name + "\n") != std::string::npos, name);
  }
}
#endif

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3
