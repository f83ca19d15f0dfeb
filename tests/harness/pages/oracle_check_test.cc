// Recorded runs of a kernel: what ring3's kernel policy gives is what the kernel gave, and a file
// in which one digit was changed is told from that.

#include "harness/pages/oracle_check.h"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <string>

#include "harness/base/byte_source.h"

namespace ring3::harness {
namespace {

namespace data = boost::unit_test::data;

std::string recorded(const std::string& name) {
  return std::move(read_all_bytes("tests/data/pages_" + name + ".txt.gz").value());
}

// With the first `from` behind `after` turned into `to`.
std::string changed(std::string text, const std::string& after, const std::string& from,
                    const std::string& to) {
  const size_t start = text.find(after);
  BOOST_REQUIRE(start != std::string::npos);
  const size_t at = text.find(from, start);
  BOOST_REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

std::string error_of(const std::string& text) {
  const Result<OracleVerdict> verdict = check_oracle(text);
  BOOST_REQUIRE(!verdict.ok());
  BOOST_CHECK(verdict.error().code == Errc::kBadFormat);
  return verdict.error().message;
}

struct Recording {
  const char* name;
  uint64_t operations;
};
std::ostream& operator<<(std::ostream& out, const Recording& r) { return out << r.name; }
constexpr Recording kRecordings[] = {
    {"a-pb9", 2'000},     // split, merge, head or tail
    {"da", 2'000},        // per-CPU lists
    {"d9-pb9", 100'000},  // those of huge pages, with fallback, claim and steal
    {"h", 100'000},       // highatomic, boost, movable pages in use
};

// Four of the six operations in which a block is asked for, and one that is freed.
constexpr const char* kSmall =
    "ring3-oracle 1\n"
    "case small seed 1 ops 5 maxorder 3 pcp 0 boost_factor 0 lru 0\n"
    "zone Normal start 0 end 1024 managed 1024\n"
    "wmark min 4 low 5 high 6 pageblock_order 9\n"
    "gfp U 82000 M 82008 R 82010 hi 2020\n"
    "state initial\n"
    "b 0 0 0 0 0 0 0 0 0 0 1 boost 0 free 1024 ha 0\n"
    "t 11\n"
    "l 10 1 0\n"
    "pcp count 0 high 0 batch 1 free_factor 0\n"
    "lru\n"
    "end initial\n"
    "a10 0\n"
    "a11 2\n"
    "a10 1\n"
    "f 0\n"
    "a19 512\n"
    "state final\n"
    "b 1 0 1 1 1 1 1 1 1 0 0 boost 0 free 509 ha 0\n"
    "t 11\n"
    "l 0 1 0\n"
    "l 2 1 4\nl 3 1 8\nl 4 1 16\nl 5 1 32\nl 6 1 64\nl 7 1 128\nl 8 1 256\n"
    "pcp count 0 high 0 batch 1 free_factor 0\n"
    "lru\n"
    "end final\n"
    "done allocs 4\n";

}  // namespace

BOOST_AUTO_TEST_SUITE(harness_pages_oracle_check)

BOOST_DATA_TEST_CASE(every_operation_of_a_recorded_run_is_reproduced, data::make(kRecordings),
                     recording) {
  const Result<OracleVerdict> verdict = check_oracle(recorded(recording.name));
  BOOST_REQUIRE(verdict.ok());
  BOOST_TEST(verdict->difference == "");
  BOOST_TEST(verdict->operations == recording.operations);
  BOOST_TEST(verdict->reproduced == recording.operations);
}

// What split, merge, and head or tail say is the same in all of them; which block of another type
// is taken, and what is kept for those in need, is not.
BOOST_AUTO_TEST_CASE(later_kernels_differ_where_their_rules_do) {
  const std::string alike = recorded("a-pb9");
  const std::string different = recorded("h");
  for (const mm::rules::Persona& persona : mm::rules::kPersonas) {
    BOOST_TEST(check_oracle(alike, persona)->difference == "");
    BOOST_TEST(check_oracle(different, persona)->is_same() == (persona.version == "6.1"));
  }
}

BOOST_AUTO_TEST_CASE(the_first_difference_is_shown_with_both_states) {
  BOOST_TEST(check_oracle(kSmall)->difference == "");
  const auto verdict = check_oracle(changed(kSmall, "a11", "2", "4"));
  BOOST_REQUIRE(verdict.ok());
  BOOST_TEST(verdict->reproduced == 1u);
  BOOST_TEST(verdict->operations == 5u);
  BOOST_TEST(verdict->difference.find("line 14: order 1 with __GFP_MOVABLE") == 0u);
  BOOST_TEST(verdict->difference.find("the kernel gave frame 4, ring3 gives frame 2") !=
             std::string::npos);
  BOOST_TEST(verdict->difference.find("    b 1 0 1 1 1 1 1 1 1 0 0 boost 0 free 509") !=
             std::string::npos);
  BOOST_TEST(verdict->difference.find("    l 2 1 4\n") != std::string::npos);
  const auto refused = check_oracle(changed(kSmall, "a19", "512", "-"));
  BOOST_TEST(refused->difference.find("the kernel gave no frame, ring3 gives frame 512") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_same_frames_and_another_state_is_a_difference) {
  const auto order = check_oracle(changed(kSmall, "state final", "l 4 1 16", "l 4 2 16"));
  BOOST_TEST(order->reproduced == 5u);
  BOOST_TEST(order->difference.find("kernel: l 4 2 16\n  ring3:  l 4 1 16") != std::string::npos);
  // One list more, and on the way.
  const auto more = check_oracle(changed(kSmall, "state final", "lru\n", "lru 7\n"));
  BOOST_TEST(!more->is_same());
  const auto count = check_oracle(changed(kSmall, "a11", "a10", "t 10\na10"));
  BOOST_TEST(count->reproduced == 2u);
  BOOST_TEST(count->difference.find("line 15: the same frames until here") == 0u);
  const std::string h = recorded("h");
  BOOST_TEST(!check_oracle(changed(h, "state final", "p 0 ", "p 0 1:0 "))->is_same());
}

BOOST_AUTO_TEST_CASE(what_is_no_recorded_run_is_said_with_its_line) {
  BOOST_TEST(error_of("") == "the file is cut off: 'done' is missing");
  BOOST_TEST(error_of("hello\n").find("line 1: this is no recorded run") == 0u);
  BOOST_TEST(error_of(std::string(kSmall).substr(0, 500)) ==
             "the file is cut off: 'done' is missing");
  const auto error_with = [](const char* after, const char* from, const char* to) {
    return error_of(changed(kSmall, after, from, to));
  };
  BOOST_TEST(error_with("zone", "end 1024", "end 0") == "line 3: the zone ends before it starts");
  BOOST_TEST(error_with("zone", "end 1024", "end 99999999") ==
             "line 3: 'end' and a number up to 16777216 are missing");
  BOOST_TEST(error_with("wmark", "low", "loud") ==
             "line 4: 'low' and a number up to 16777216 are missing");
  BOOST_TEST(error_with("gfp", "gfp", "gpf").find("line 5: a line of case, zone") == 0u);
  BOOST_TEST(error_with("t 11", "11", "111") == "line 8: 3 types for 2 pageblocks");
  BOOST_TEST(error_with("t 11", "11", "14") == "line 8: '4' is no type");
  BOOST_TEST(error_with("l 10", "l 10 1 0", "l 10 1 512") ==
             "line 9: '512' is no free block of order 10 here");
  BOOST_TEST(error_with("l 10", "l 10 1 0", "l 10 1 0 0") ==
             "line 9: '0' is no free block of order 10 here");
  BOOST_TEST(error_with("l 10", "l 10 1 0", "l 11 1 0").find("line 9: a list has an order") == 0u);
  BOOST_TEST(error_with("l 10", "l 10 1 0", "l 0 1 9\nl 3 1 8") ==
             "line 10: '8' is no free block of order 3 here");
  BOOST_TEST(error_with("l 10", "lru", "p 9 1:0") ==
             "line 11: '1:0' is no block and type of a CPU's list");
  BOOST_TEST(error_with("gfp", "M 82008", "M 82018").find("line 5: the flags are not") == 0u);
  BOOST_TEST(error_with("end initial", "a10 0", "a13x 0").find("line 13: 'a13x' is no request") ==
             0u);
  BOOST_TEST(error_with("end initial", "a10 0", "a10 1024") ==
             "line 13: frame 1024 is not in the zone");
  BOOST_TEST(error_with("end initial", "a10 0", "a10 x") == "line 13: 'x' is no frame");
  BOOST_TEST(error_with("end initial", "a10 0", "fly 0") ==
             "line 13: 'fly' is nothing that a recorded run holds");
  BOOST_TEST(error_with("end initial", "f 0", "f 1023") ==
             "line 16: frame 1023 is freed and not allocated");
  BOOST_TEST(error_with("l 10", "pcp", "pcq").find("line 10: 'pcq' is nothing") == 0u);
  BOOST_TEST(error_with("done", "done allocs 4\n", "done\nmore\n") ==
             "line 33: there is more behind 'done'");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::harness
