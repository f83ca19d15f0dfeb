#include "net/tcp/tcp_receive_queue.h"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <vector>

#include "lib/prng.h"

namespace ring3::net {
namespace {

namespace data = boost::unit_test::data;

struct Fixture {
  ~Fixture() {
    queue.clear();
    BOOST_TEST(pool.destroy() == 0u);
  }
  SkBuff* segment(TcpSeq seq, size_t length, uint8_t flags = 0) {
    SkBuff* skb = pool.alloc();
    skb->seq = seq;
    skb->flags = flags;
    for (size_t i = 0; i < length; ++i) {
      skb->put(1)[0] = static_cast<std::byte>(seq.value() + i);
    }
    return skb;
  }

  std::unique_ptr<mm::Memory> memory =
      std::move(mm::Memory::create({.size_bytes = size_t{16} << 20}).value());
  SkbPool pool = SkbPool::create(*memory).value();
  TcpReceiveQueue queue{pool};
  static constexpr size_t kLimit = 65535;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(net_tcp_receive_queue, Fixture)

BOOST_AUTO_TEST_CASE(nothing_behind_a_fin_is_kept) {
  TcpSeq next(100);
  // Early: a FIN behind byte 109, and data that claims to come after it.
  BOOST_TEST(!queue.add(segment(TcpSeq(105), 5, kFin), next, kLimit));
  BOOST_TEST(!queue.add(segment(TcpSeq(111), 20), next, kLimit));
  BOOST_TEST(!queue.add(segment(TcpSeq(140), 20), next, kLimit));
  BOOST_TEST(queue.add(segment(TcpSeq(100), 5), next, kLimit));
  BOOST_CHECK(next == TcpSeq(111));
  BOOST_TEST(queue.readable_bytes() == 10u);
  BOOST_TEST(queue.queued_bytes() == 10u);
  BOOST_TEST(!queue.has_gap());
}

// Segments that overlap, repeat and come in any order, over the wrap of the numbers: what comes out
// is the stream.
BOOST_DATA_TEST_CASE(any_order_gives_the_stream, data::xrange(50), seed) {
  constexpr uint32_t kBytes = 5000;
  const TcpSeq start(0xffffff00);
  Prng prng(static_cast<uint64_t>(seed));
  TcpSeq next = start;
  bool fin = false;
  while (!fin) {
    const auto from = static_cast<uint32_t>(prng.below(kBytes));
    const auto length =
        static_cast<uint32_t>(prng.between(1, std::min<uint64_t>(400, kBytes - from)));
    // Trimmed to what is not read yet, as the socket does with the window.
    const bool last = from + length == kBytes;
    fin |= queue.add(segment(start + from, length, last ? kFin : 0), next, kLimit);
  }
  BOOST_CHECK(next == start + kBytes + 1);
  BOOST_TEST(!queue.has_gap());
  std::vector<std::byte> out(kBytes + 1);
  BOOST_TEST(queue.read(out) == kBytes);
  for (uint32_t i = 0; i < kBytes; ++i) {
    BOOST_REQUIRE((out[i] == static_cast<std::byte>(start.value() + i)));
  }
}

BOOST_AUTO_TEST_CASE(small_segments_share_buffers) {
  TcpSeq next(0);
  for (uint32_t i = 0; i < 1400; ++i) queue.add(segment(TcpSeq(i), 1), next, kLimit);
  BOOST_TEST(queue.readable_bytes() == 1400u);
  // All of them in one buffer or two.
  const std::string slabinfo = memory->slabs().slabinfo();
  uint64_t active = 0;
  std::sscanf(slabinfo.c_str() + slabinfo.find("skbuff_head_cache") + 17, "%lu", &active);
  BOOST_TEST(active <= 2u);
}

BOOST_AUTO_TEST_CASE(early_segments_are_bounded_in_number_and_bytes) {
  TcpSeq next(0);
  for (uint32_t i = 0; i < 1000; ++i) queue.add(segment(TcpSeq(10 + 2 * i), 1), next, kLimit);
  BOOST_TEST(queue.queued_bytes() == 256u);
  queue.clear();
  for (uint32_t i = 0; i < 100; ++i) queue.add(segment(TcpSeq(10 + 200 * i), 100), next, 1000);
  BOOST_TEST(queue.queued_bytes() == 1000u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::net
