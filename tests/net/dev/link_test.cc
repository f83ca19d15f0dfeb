#include "net/dev/link.h"

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <vector>

namespace ring3::net {
namespace {

struct Fixture {
  ~Fixture() { BOOST_TEST(pool.destroy() == 0u); }

  SkBuff* numbered(uint32_t number) {
    SkBuff* skb = pool.alloc();
    std::memcpy(skb->put(4).data(), &number, 4);
    return skb;
  }
  // The numbers that have arrived by `now`.
  std::vector<uint32_t> arrived(Link& link, Nanos now) {
    std::vector<uint32_t> numbers;
    while (SkBuff* skb = link.receive(now)) {
      uint32_t number;
      std::memcpy(&number, skb->data().data(), 4);
      numbers.push_back(number);
      pool.free(skb);
    }
    return numbers;
  }

  std::unique_ptr<mm::Memory> memory =
      std::move(mm::Memory::create({.size_bytes = size_t{32} << 20}).value());
  SkbPool pool = SkbPool::create(*memory).value();
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(net_link, Fixture)

BOOST_AUTO_TEST_CASE(a_packet_arrives_after_the_delay) {
  Link link({.delay = milliseconds(10)}, pool, Prng(1));
  link.transmit(seconds(1), numbered(7));
  BOOST_CHECK(link.next_arrival().value() == seconds(1) + milliseconds(10));
  BOOST_TEST(arrived(link, seconds(1) + milliseconds(9)).empty());
  const std::vector<uint32_t> expected{7};
  BOOST_TEST(arrived(link, seconds(1) + milliseconds(10)) == expected);
}

BOOST_AUTO_TEST_CASE(a_good_link_keeps_the_order) {
  Link link({}, pool, Prng(1));
  std::vector<uint32_t> expected;
  for (uint32_t i = 0; i < 100; ++i) {
    link.transmit(Nanos(0), numbered(i));
    expected.push_back(i);
  }
  BOOST_TEST(arrived(link, seconds(1)) == expected);
}

BOOST_AUTO_TEST_CASE(loss_and_duplication_happen_as_often_as_asked) {
  Link link({.loss_per_mille = 100, .duplicate_per_mille = 200, .queue_limit = 100'000}, pool,
            Prng(1));
  for (uint32_t i = 0; i < 10'000; ++i) {
    link.transmit(Nanos(0), numbered(i));
    arrived(link, Nanos::max());
  }
  BOOST_TEST(link.counters().lost > 900u);
  BOOST_TEST(link.counters().lost < 1100u);
  BOOST_TEST(link.counters().duplicated > 1700u);
  BOOST_TEST(link.counters().duplicated < 1900u);
  BOOST_TEST(link.counters().delivered ==
             link.counters().sent - link.counters().lost + link.counters().duplicated);
}

BOOST_AUTO_TEST_CASE(reordered_packets_are_overtaken) {
  Link link({.reorder_per_mille = 300}, pool, Prng(1));
  for (uint32_t i = 0; i < 200; ++i) {
    link.transmit(microseconds(static_cast<int64_t>(i) * 100), numbered(i));
  }
  auto numbers = arrived(link, seconds(1));
  BOOST_TEST(!std::is_sorted(numbers.begin(), numbers.end()));
  std::sort(numbers.begin(), numbers.end());
  for (uint32_t i = 0; i < 200; ++i) BOOST_TEST(numbers[i] == i);
}

BOOST_AUTO_TEST_CASE(a_rate_spaces_packets_out) {
  Link link({.delay = milliseconds(10), .bytes_per_second = 4000}, pool, Prng(1));
  for (uint32_t i = 0; i < 3; ++i) link.transmit(Nanos(0), numbered(i));  // 4 bytes each
  BOOST_TEST(arrived(link, milliseconds(11) - Nanos(1)).empty());
  BOOST_TEST(arrived(link, milliseconds(11)).size() == 1u);
  BOOST_TEST(arrived(link, milliseconds(12)).size() == 1u);
  BOOST_TEST(arrived(link, milliseconds(13)).size() == 1u);
  link.transmit(seconds(1), numbered(3));  // an idle link owes nothing
  BOOST_CHECK(link.next_arrival().value() == seconds(1) + milliseconds(11));
}

BOOST_AUTO_TEST_CASE(a_full_queue_drops) {
  Link link({.queue_limit = 3}, pool, Prng(1));
  for (uint32_t i = 0; i < 5; ++i) link.transmit(Nanos(0), numbered(i));
  BOOST_TEST(link.counters().lost == 2u);
  BOOST_TEST(arrived(link, seconds(1)).size() == 3u);
}

BOOST_AUTO_TEST_CASE(what_is_on_the_way_at_the_end_is_freed) {
  Link link({}, pool, Prng(1));
  link.transmit(Nanos(0), numbered(1));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::net
