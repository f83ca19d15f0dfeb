#include "lib/cpu/atomic.h"

#include <boost/test/unit_test.hpp>
#include <type_traits>

#include "lib/cpu/futex.h"

namespace ring3 {

#if !RING3_SIM
// The same type is the same instructions.
static_assert(std::is_same_v<Atomic<uint32_t>, std::atomic<uint32_t>>);
static_assert(std::is_same_v<AtomicRef<uint64_t>, std::atomic_ref<uint64_t>>);
static_assert(!schedule::simulated());
#endif
// A descriptor of zeros has valid ones.
static_assert(sizeof(Atomic<uint16_t>) == sizeof(uint16_t));

BOOST_AUTO_TEST_SUITE(lib_cpu_atomic)

// Where no simulation runs, MODE=sim too has to do as std::atomic does.
BOOST_AUTO_TEST_CASE(operations_are_those_of_std_atomic) {
  Atomic<uint32_t> word{5};
  BOOST_TEST(word.fetch_add(2, std::memory_order_relaxed) == 5u);
  BOOST_TEST(word.fetch_sub(1) == 7u);
  BOOST_TEST(word.fetch_or(8, std::memory_order_relaxed) == 6u);
  BOOST_TEST(word.exchange(3, std::memory_order_acquire) == 14u);
  uint32_t expected = 4;
  BOOST_TEST(!word.compare_exchange_strong(expected, 9, std::memory_order_acquire,
                                           std::memory_order_relaxed));
  BOOST_TEST(expected == 3u);
  BOOST_TEST(word.compare_exchange_strong(expected, 9, std::memory_order_release));
  word.store(word.load() + 1, std::memory_order_release);
  BOOST_TEST(word.load(std::memory_order_acquire) == 10u);
  uint64_t plain = 1;
  AtomicRef<uint64_t>(plain).store(7, std::memory_order_relaxed);
  BOOST_TEST(plain == 7u);
}

BOOST_AUTO_TEST_CASE(a_futex_looks_at_the_word_first) {
  Atomic<uint32_t> word{1};
  futex_wait(word, 0);  // holds another value: returns at once
  futex_wake(word, 1);  // nobody sleeps
  BOOST_TEST(word.load() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3
