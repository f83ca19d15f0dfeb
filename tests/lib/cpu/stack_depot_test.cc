#include "lib/cpu/stack_depot.h"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <set>
#include <thread>
#include <vector>

namespace ring3 {
namespace {

// Traces that differ: each bit of `way` decides which function is called next.
[[gnu::noinline]] StackTrace walk(unsigned way, unsigned depth);
[[gnu::noinline]] StackTrace left(unsigned way, unsigned depth) {
  const StackTrace trace = walk(way, depth);
  asm volatile("" ::: "memory");  // no tail call
  return trace;
}
[[gnu::noinline]] StackTrace right(unsigned way, unsigned depth) {
  const StackTrace trace = walk(way, depth);
  asm volatile("" ::: "memory");
  return trace;
}
StackTrace walk(unsigned way, unsigned depth) {
  const StackTrace trace = depth == 0       ? StackTrace::capture()
                           : (way & 1) != 0 ? left(way >> 1, depth - 1)
                                            : right(way >> 1, depth - 1);
  asm volatile("" ::: "memory");
  return trace;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(lib_cpu_stack_depot)

BOOST_AUTO_TEST_CASE(a_trace_is_kept_once_and_comes_back_whole) {
  StackDepot depot = std::move(StackDepot::create().value());
  std::set<StackDepot::Handle> handles;
  std::vector<StackTrace> traces;
  for (unsigned way = 0; way < 32; ++way) traces.push_back(walk(way, 5));
  for (const StackTrace& trace : traces) {
    const StackDepot::Handle handle = depot.save(trace);
    BOOST_TEST(handle != StackDepot::kNone);
    BOOST_TEST(depot.save(trace) == handle);
    BOOST_TEST(std::ranges::equal(depot.frames(handle), trace.frames()));
    handles.insert(handle);
  }
  BOOST_TEST(handles.size() == 32u);
  BOOST_TEST(depot.frames(StackDepot::kNone).empty());
  BOOST_TEST(std::ranges::equal(depot.frames(*handles.begin()), traces.front().frames()));
}

BOOST_AUTO_TEST_CASE(an_empty_trace_is_one_too) {
  StackDepot depot = std::move(StackDepot::create().value());
  const StackDepot::Handle handle = depot.save(StackTrace());
  BOOST_TEST(handle != StackDepot::kNone);
  BOOST_TEST(depot.frames(handle).empty());
}

BOOST_AUTO_TEST_CASE(threads_that_save_the_same_get_the_same) {
  StackDepot depot = std::move(StackDepot::create().value());
  std::vector<StackTrace> traces;
  for (unsigned way = 0; way < 64; ++way) traces.push_back(walk(way, 6));
  std::vector<std::vector<StackDepot::Handle>> handles(4);
  std::vector<std::thread> threads;
  for (auto& mine : handles) {
    threads.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        mine.clear();
        for (const StackTrace& trace : traces) mine.push_back(depot.save(trace));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& mine : handles) BOOST_CHECK(mine == handles.front());
  BOOST_TEST(std::set(handles[0].begin(), handles[0].end()).size() == 64u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3
