#include "harness/stress/transfer_array.h"

#include <boost/test/unit_test.hpp>
#include <set>
#include <thread>

namespace ring3::harness {
namespace {

struct Fixture {
  std::unique_ptr<lockdep::Lockdep> lockdep =
      std::move(lockdep::Lockdep::create(stderr_report_sink()).value());
  TransferArray transfer{*lockdep};
};

// An object that is only a number.
Object numbered(uintptr_t number) {
  return {.address = reinterpret_cast<std::byte*>(number), .bytes = 1};
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(harness_stress_transfer_array, Fixture)

BOOST_AUTO_TEST_CASE(no_object_is_lost_or_doubled_between_threads) {
  constexpr uintptr_t kEach = 20'000;
  std::vector<std::vector<Object>> received(4);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < received.size(); ++t) {
    threads.emplace_back([&, t] {
      Prng prng = Prng::stream(1, t);
      for (uintptr_t i = 1; i <= kEach; ++i) {
        const Object got = transfer.exchange(prng, numbered(t * kEach + i));
        if (got.address != nullptr) received[t].push_back(got);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::byte*> seen;
  size_t count = 0;
  received.push_back(transfer.take_all());
  for (const auto& objects : received) {
    for (const Object& object : objects) {
      seen.insert(object.address);
      ++count;
    }
  }
  BOOST_TEST(count == 4 * kEach);
  BOOST_TEST(seen.size() == count);
  BOOST_TEST(lockdep->reports() == 0u);
}

BOOST_AUTO_TEST_CASE(an_estate_goes_to_one_heir) {
  transfer.bequeath({numbered(1), numbered(2)});
  BOOST_TEST(transfer.inherit().size() == 2u);
  BOOST_TEST(transfer.inherit().empty());
}

BOOST_AUTO_TEST_CASE(what_nobody_inherited_is_taken_at_the_end) {
  Prng prng(1);
  transfer.bequeath({numbered(1)});
  transfer.bequeath({numbered(2), numbered(3)});
  transfer.exchange(prng, numbered(4));
  BOOST_TEST(transfer.take_all().size() == 4u);
  BOOST_TEST(transfer.take_all().empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::harness
