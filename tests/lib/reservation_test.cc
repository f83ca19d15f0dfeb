#include "lib/reservation.h"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <ostream>
#include <thread>

#include "lib/os.h"

namespace ring3 {

namespace data = boost::unit_test::data;

BOOST_AUTO_TEST_SUITE(lib_reservation)

BOOST_AUTO_TEST_CASE(a_reservation_is_aligned_zero_and_lazy) {
  const size_t before = os::resident_bytes();
  const auto memory = os::reserve(size_t{8} << 30, size_t{4} << 20);
  BOOST_REQUIRE(memory.ok());
  BOOST_TEST(reinterpret_cast<uintptr_t>(memory->base()) % (size_t{4} << 20) == 0u);
  BOOST_TEST(memory->size_bytes() == size_t{8} << 30);
  BOOST_CHECK(memory->base()[12345] == std::byte{0});
  memory->base()[(size_t{8} << 30) - 1] = std::byte{1};
  BOOST_TEST(os::resident_bytes() - before < size_t{64} << 20);
}

BOOST_AUTO_TEST_CASE(an_impossible_reservation_says_how_much_and_what_to_do) {
  const auto memory = os::reserve(size_t{1} << 62, 4096);
  BOOST_REQUIRE(!memory.ok());
  BOOST_CHECK(memory.error().code == Errc::kNoResource);
  BOOST_TEST(memory.error().message.find("4611686018427387904 bytes") != std::string::npos);
  BOOST_TEST(!os::reserve(SIZE_MAX, 4096).ok());
}

BOOST_AUTO_TEST_CASE(a_moved_reservation_is_released_once) {
  auto memory = os::reserve(1 << 20, 4096);
  os::Reservation first = std::move(*memory);
  os::Reservation second = std::move(first);
  second.base()[0] = std::byte{1};
  BOOST_TEST(first.base() == nullptr);
}

// ---- Recycling. ----

BOOST_DATA_TEST_CASE(what_is_kept_is_given_again_and_all_zeros,
                     data::make({false, true}) * data::make({size_t{1} << 20, size_t{32} << 20}),
                     drop, size) {
  const os::Recycling recycling(drop ? os::Recycling::Way::kDrop : os::Recycling::Way::kClear);
  std::byte* base = nullptr;
  for (int round = 0; round < 3; ++round) {
    const auto memory = os::reserve(size, 4096);
    BOOST_REQUIRE(memory.ok());
    if (base != nullptr) BOOST_TEST(memory->base() == base);
    base = memory->base();
    for (size_t at = 0; at < size; at += 4096) {
      BOOST_REQUIRE(base[at] == std::byte{0});
      BOOST_REQUIRE(base[at + 4095] == std::byte{0});
    }
    base[0] = base[4096 * 17 + 5] = base[size - 1] = std::byte{0xff};
    std::memset(base + 4096 * 3, 1, 4096 * 2);
  }
}

BOOST_AUTO_TEST_CASE(only_what_fits_is_given_again) {
  const os::Recycling recycling;
  std::byte* small = nullptr;
  {
    const auto one = os::reserve(1 << 20, 4096);
    small = one->base();
  }
  const auto larger = os::reserve(2 << 20, 4096);
  BOOST_TEST(larger->base() != small);
  // It lies at a multiple of 4 MiB by chance only.
  const auto aligned = os::reserve(1 << 20, size_t{4} << 20);
  BOOST_TEST(reinterpret_cast<uintptr_t>(aligned->base()) % (size_t{4} << 20) == 0u);
  const auto again = os::reserve(1 << 20, 4096);
  const auto another = os::reserve(1 << 20, 4096);
  BOOST_TEST(again->base() != another->base());
}

BOOST_AUTO_TEST_CASE(what_outlives_it_and_other_threads_are_not_its) {
  Result<os::Reservation> outlives = Error{Errc::kNotFound, {}};
  {
    const os::Recycling recycling;
    outlives = os::reserve(1 << 20, 4096);
    std::thread([] {
      const auto own = os::reserve(1 << 20, 4096);
      own->base()[0] = std::byte{1};
    }).join();
  }
  outlives->base()[0] = std::byte{1};
  const os::Recycling another;
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3
