#include "mm/heap/demand_faults.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "lib/asan.h"

namespace ring3::mm {
namespace {

constexpr size_t kLimit = size_t{1} << 20;

struct Fixture {
  std::unique_ptr<PageAllocator> pages =
      std::move(PageAllocator::create({.size_bytes = size_t{16} << 20, .mappable = true}).value());
  std::unique_ptr<WindowBreak> heap = std::move(WindowBreak::create(*pages, kLimit).value());
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(mm_heap_demand_faults, Fixture)

BOOST_AUTO_TEST_CASE(memory_comes_when_it_is_written) {
  const DemandFaults faults(*heap);
  heap->sbrk(10 * 4096);
  std::memset(heap->start() + 100, 0xab, 3 * 4096);
  BOOST_TEST(heap->minor_faults() == 4u);
  BOOST_CHECK(heap->start()[99] == std::byte{0});
  BOOST_CHECK(heap->start()[100] == std::byte{0xab});
  BOOST_TEST(heap->resident_pages().value() == 4u);
  heap->brk(heap->start());
  heap->sbrk(4096);
  BOOST_CHECK(heap->start()[100] == std::byte{0});
  BOOST_TEST(heap->minor_faults() == 5u);
}

BOOST_AUTO_TEST_CASE(each_thread_s_window_has_its_own) {
  std::vector<std::thread> threads;
  std::array<uint64_t, 4> faults_of{};
  for (size_t t = 0; t < faults_of.size(); ++t) {
    threads.emplace_back([&, t] {
      const auto own = std::move(WindowBreak::create(*pages, kLimit).value());
      const DemandFaults faults(*own);
      for (int round = 0; round < 20; ++round) {
        own->sbrk(static_cast<intptr_t>(16 * 4096));
        for (size_t i = 0; i < 16; ++i) own->start()[i * 4096] = std::byte{static_cast<uint8_t>(t)};
        own->brk(own->start());
      }
      faults_of[t] = own->minor_faults();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const uint64_t faults : faults_of) BOOST_TEST(faults == 320u);
}

#ifndef RING3_ASAN
BOOST_AUTO_TEST_CASE(above_the_break_it_is_the_fault_that_it_is) {
  std::array<int, 2> ends;
  BOOST_REQUIRE(pipe(ends.data()) == 0);
  const pid_t child = fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGSEGV, SIG_DFL);
    dup2(ends[1], STDERR_FILENO);
    const DemandFaults faults(*heap);
    heap->sbrk(4096);
    *const_cast<volatile std::byte*>(heap->start()) = std::byte{1};
    *const_cast<volatile std::byte*>(heap->start() + 4096 + 16) = std::byte{1};
    _exit(0);
  }
  close(ends[1]);
  std::array<char, 300> said{};
  const ssize_t length = read(ends[0], said.data(), said.size() - 1);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  BOOST_TEST(length > 0);
  BOOST_TEST(std::string(said.data()).find(": 16 bytes above the program break at ") !=
             std::string::npos);
  BOOST_TEST(WIFSIGNALED(status));
  BOOST_TEST(WTERMSIG(status) == SIGSEGV);
}
#endif

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
