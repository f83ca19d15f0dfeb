#include "harness/base/parse_values.h"

#include <boost/test/unit_test.hpp>
#include <limits>

namespace ring3::harness {

BOOST_AUTO_TEST_SUITE(harness_base_parse_values)

BOOST_AUTO_TEST_CASE(size_suffixes_are_powers_of_1024) {
  BOOST_TEST(parse_size("4096").value() == 4096u);
  BOOST_TEST(parse_size("512K").value() == 512u << 10);
  BOOST_TEST(parse_size("256M").value() == 256u << 20);
  BOOST_TEST(parse_size("2G").value() == 2ull << 30);
  BOOST_TEST(parse_size("1T").value() == 1ull << 40);
}

BOOST_AUTO_TEST_CASE(sizes_are_read_as_people_write_them) {
  BOOST_TEST(parse_size("1g").value() == 1ull << 30);
  BOOST_TEST(parse_size("1.5G").value() == 3ull << 29);
  BOOST_TEST(parse_size("64MB").value() == 64ull << 20);
  BOOST_TEST(parse_size("64 MiB").value() == 64ull << 20);
  BOOST_TEST(parse_size("64mib").value() == 64ull << 20);
  BOOST_TEST(parse_size("4096B").value() == 4096u);
  BOOST_TEST(parse_size("0.5K").value() == 512u);
  BOOST_TEST(parse_size("16777215.999999999T").ok());
}

BOOST_AUTO_TEST_CASE(size_that_does_not_fit_64_bits_is_refused) {
  BOOST_TEST(parse_size("18446744073709551615").value() == std::numeric_limits<uint64_t>::max());
  BOOST_TEST(!parse_size("18446744073709551616").ok());
  BOOST_TEST(!parse_size("16777216T").ok());
}

BOOST_AUTO_TEST_CASE(size_error_names_the_text_and_the_form) {
  for (const char* text : {"", "M", "12Q", "-1", " 1M", "1  M", "1.M", ".5M", "1.2.3M", "1X",
                           "1Mib2", "1.0000000001G", "1e3"}) {
    const auto size = parse_size(text);
    BOOST_REQUIRE(!size.ok());
    BOOST_TEST(size.error().message.find("'" + std::string(text) + "'") != std::string::npos);
    BOOST_TEST(size.error().message.find("256M") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(formatted_size_reads_back) {
  for (const uint64_t bytes : {1ull, 1023ull, 1024ull, 1536ull, 256ull << 20, 3ull << 40}) {
    BOOST_TEST(parse_size(format_size(bytes)).value() == bytes);
  }
  BOOST_TEST(format_size(256ull << 20) == "256M");
}

BOOST_AUTO_TEST_CASE(duration_units) {
  BOOST_CHECK(parse_duration("500ms").value() == milliseconds(500));
  BOOST_CHECK(parse_duration("30").value() == seconds(30));
  BOOST_CHECK(parse_duration("30s").value() == seconds(30));
  BOOST_CHECK(parse_duration("5m").value() == seconds(300));
  BOOST_CHECK(parse_duration("2h").value() == seconds(7200));
  BOOST_CHECK(parse_duration("1.5s").value() == milliseconds(1500));
  BOOST_CHECK(parse_duration("0.25").value() == milliseconds(250));
  BOOST_CHECK(parse_duration("1d").value() == seconds(86'400));
  BOOST_CHECK(parse_duration("400us").value() == microseconds(400));
  BOOST_CHECK(parse_duration("7 ns").value() == Nanos(7));
  BOOST_CHECK(parse_duration("5M").value() == seconds(300));
  BOOST_CHECK(parse_duration("366d").ok());
}

BOOST_AUTO_TEST_CASE(duration_of_nothing_or_of_ages_is_refused) {
  for (const char* text :
       {"0", "0s", "", "s", "367d", "366.1d", "99999999999999h", "-5s", "0.0s"}) {
    BOOST_TEST(!parse_duration(text).ok(), text);
  }
}

BOOST_AUTO_TEST_CASE(formatted_duration_reads_back) {
  for (const Nanos time : {Nanos(1), microseconds(400), milliseconds(1), milliseconds(1500),
                           seconds(10), seconds(7200), seconds(86'400)}) {
    BOOST_CHECK(parse_duration(format_duration(time)).value() == time);
  }
  BOOST_TEST(format_duration(microseconds(400)) == "400us");
  BOOST_TEST(format_duration(Nanos(0)) == "0s");
  BOOST_TEST(format_duration(Nanos(-1500)) == "-1500ns");
}

BOOST_AUTO_TEST_CASE(seed_is_decimal_hexadecimal_or_a_commit) {
  BOOST_TEST(parse_seed("42").value() == 42u);
  BOOST_TEST(parse_seed("0xff").value() == 255u);
  BOOST_TEST(parse_seed("18446744073709551615").value() == std::numeric_limits<uint64_t>::max());
  const uint64_t folded = parse_seed("7f22a1b0c9d8e7f6a5b4c3d2e1f00f1e2d3c4b5a").value();
  BOOST_TEST(folded == parse_seed("7f22a1b0c9d8e7f6a5b4c3d2e1f00f1e2d3c4b5a").value());
  BOOST_TEST(folded != parse_seed("7f22a1b0c9d8e7f6a5b4c3d2e1f00f1e2d3c4b5b").value());
}

BOOST_AUTO_TEST_CASE(seed_of_another_form_is_refused) {
  for (const char* text :
       {"", "seed", "-1", "0x", "0xg", "abcdef", "18446744073709551616", "0x10000000000000000",
        "99999999999999999999999999999999999999", "123456789012345678901234567890123456789012"}) {
    BOOST_TEST(!parse_seed(text).ok(), text);
  }
}

BOOST_AUTO_TEST_CASE(seeds_come_as_a_range_or_alone) {
  const auto range = parse_seed_range("5..99");
  BOOST_REQUIRE(range.ok());
  BOOST_TEST(range->first == 5u);
  BOOST_TEST(range->last == 99u);
  const auto one = parse_seed_range("7");
  BOOST_REQUIRE(one.ok());
  BOOST_TEST(one->first == 7u);
  BOOST_TEST(one->last == 7u);
  BOOST_TEST(parse_seed_range("18446744073709551615").ok());
  for (const char* text : {"", "..", "1..", "..1", "2..1", "1..2..3", "a..b", "-1..1"}) {
    BOOST_TEST_INFO(text);
    BOOST_TEST(!parse_seed_range(text).ok());
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::harness
