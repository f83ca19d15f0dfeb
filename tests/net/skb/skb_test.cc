#include "net/skb/skb.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <vector>

namespace ring3::net {
namespace {

struct Fixture {
  ~Fixture() { BOOST_TEST(pool.destroy() == 0u); }

  std::unique_ptr<mm::Memory> memory =
      std::move(mm::Memory::create({.size_bytes = size_t{8} << 20}).value());
  SkbPool pool = SkbPool::create(*memory).value();
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(net_skb_skb, Fixture)

BOOST_AUTO_TEST_CASE(an_empty_buffer_has_room_for_headers_in_front_and_an_mtu_behind) {
  SkBuff* skb = pool.alloc();
  BOOST_TEST(skb->data().empty());
  BOOST_TEST(skb->tailroom() == kMtuBytes);
  BOOST_TEST(skb->push(kHeaderRoom).size() == kHeaderRoom);
  pool.free(skb);
}

BOOST_AUTO_TEST_CASE(data_grows_and_shrinks_at_either_end) {
  SkBuff* skb = pool.alloc();
  std::ranges::fill(skb->put(4), std::byte{2});
  std::ranges::fill(skb->push(2), std::byte{1});
  std::ranges::fill(skb->put(2), std::byte{3});
  skb->pull(1);
  skb->trim(6);
  const std::vector<std::byte> expected{std::byte{1}, std::byte{2}, std::byte{2},
                                        std::byte{2}, std::byte{2}, std::byte{3}};
  BOOST_CHECK(std::ranges::equal(skb->data(), expected));
  BOOST_TEST(skb->tailroom() == kMtuBytes - 5);
  pool.free(skb);
}

BOOST_AUTO_TEST_CASE(a_clone_has_its_own_data) {
  SkBuff* skb = pool.alloc();
  skb->seq = TcpSeq(7);
  skb->put(3)[0] = std::byte{1};
  SkBuff* copy = pool.clone(*skb);
  skb->data()[0] = std::byte{2};
  BOOST_CHECK(copy->data()[0] == std::byte{1});
  BOOST_CHECK(copy->seq == TcpSeq(7));
  BOOST_TEST(!copy->list.linked());
  pool.free(skb);
  pool.free(copy);
}

BOOST_AUTO_TEST_CASE(without_memory_there_is_no_buffer_and_no_clone) {
  SkbQueue queue;
  while (SkBuff* skb = pool.alloc()) queue.push_back(*skb);
  BOOST_REQUIRE(!queue.empty());
  BOOST_CHECK(pool.clone(*queue.front()) == nullptr);
  pool.free_all(queue);
  BOOST_TEST(queue.empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::net
