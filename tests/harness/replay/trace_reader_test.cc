#include "harness/replay/trace_reader.h"

#include <bzlib.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <iterator>

#include "tests/harness/contains.h"
#include "tests/harness/temp_file.h"

namespace ring3::harness {
namespace {

using test::contains;
using test::TempFile;
namespace data = boost::unit_test::data;

const char kSample[] = "tests/data/kmem_trace_net_small.txt.gz";
const char kFree[] = "a 1 [000] 1.5: kmem:kfree: call_site=f ptr=0x10\n";

std::string error_of(const std::string& path) {
  const auto trace = read_trace(path);
  BOOST_REQUIRE(!trace.ok());
  return trace.error().message;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(harness_replay_trace_reader)

// Counted with zgrep -o 'kmem:[a-z_]*' | sort | uniq -c
BOOST_AUTO_TEST_CASE(every_event_of_a_real_trace_is_read) {
  const auto trace = read_trace(kSample);
  BOOST_REQUIRE(trace.ok());
  const std::array<uint64_t, kTraceEventKinds> expected{3213, 1228, 2660, 9835, 22100, 11378};
  BOOST_TEST(trace->by_kind() == expected, boost::test_tools::per_element());
  BOOST_TEST(trace->lines == 50414u);
  BOOST_TEST(trace->broken_lines == 0u);
  BOOST_TEST(trace->unknown_gfp == 0u);
  BOOST_TEST(!trace->caches.empty());
}

BOOST_AUTO_TEST_CASE(plain_text_is_read_as_well) {
  TempFile file(std::string(kFree) + kFree);
  BOOST_TEST(read_trace(file.path())->events.size() == 2u);
}

BOOST_AUTO_TEST_CASE(the_last_line_needs_no_newline) {
  TempFile file(std::string(kFree).substr(0, sizeof kFree - 2));
  BOOST_TEST(read_trace(file.path())->events.size() == 1u);
}

BOOST_AUTO_TEST_CASE(broken_lines_are_counted_and_the_first_named) {
  std::string text = kFree;
  for (int i = 0; i < 7; ++i) text += "nonsense\n";
  TempFile file(text + kFree);
  const auto trace = read_trace(file.path());
  BOOST_REQUIRE(trace.ok());
  BOOST_TEST(trace->events.size() == 2u);
  BOOST_TEST(trace->broken_lines == 7u);
  BOOST_TEST(trace->broken.size() == 5u);
  BOOST_TEST(trace->broken[0] == "line 2: no event");
}

BOOST_AUTO_TEST_CASE(a_line_without_end_is_one_broken_line) {
  TempFile file(kFree + std::string(3 << 20, 'x') + "\n" + kFree);
  const auto trace = read_trace(file.path());
  BOOST_REQUIRE(trace.ok());
  BOOST_TEST(trace->events.size() == 2u);
  BOOST_TEST(trace->broken_lines == 1u);
  BOOST_TEST(trace->broken[0] == "line 2: longer than 64K");
}

BOOST_AUTO_TEST_CASE(an_unknown_flag_is_left_out_and_named) {
  TempFile file(
      "kmem:kmalloc: ptr=0x1 bytes_req=8 gfp_flags=GFP_NOWAIT|__GFP_NEW|__GFP_ZERO\n"
      "kmem:kmalloc: ptr=0x2 bytes_req=8 gfp_flags=GFP_NOWAIT|__GFP_NEW|__GFP_ZERO\n");
  const auto trace = read_trace(file.path());
  BOOST_TEST(trace->unknown_gfp == 2u);
  BOOST_REQUIRE(trace->gfp_unknown.size() == 1u);
  BOOST_TEST(trace->gfp_unknown[0] == "__GFP_NEW");
  BOOST_CHECK(trace->events[0].gfp == (mm::kGfpNowait | mm::kGfpFlagZero));
  BOOST_CHECK(trace->events[1].gfp == (mm::kGfpNowait | mm::kGfpFlagZero));
}

BOOST_AUTO_TEST_CASE(what_is_skipped_is_counted_by_kind) {
  TempFile file(std::string("# comment\na 1 [0] 1.5: kmem:rss_stat: mm_id=1\n") +
                "a 1 [0] 1.5: kmem:rss_stat: mm_id=1\n" + kFree);
  const auto trace = read_trace(file.path());
  BOOST_REQUIRE(trace.ok());
  BOOST_TEST(trace->skipped.at("rss_stat") == 2u);
  BOOST_TEST(trace->skipped.at("comment") == 1u);
  BOOST_TEST(trace->skipped_lines() == 3u);
}

// Prose has a name on every line.
BOOST_AUTO_TEST_CASE(kinds_without_number_are_counted_together) {
  std::string text = kFree;
  for (int i = 0; i < 1000; ++i) text += "word" + std::to_string(i) + ": something\n";
  TempFile file(text);
  const auto trace = read_trace(file.path());
  BOOST_TEST(trace->skipped.size() <= 201u);
  BOOST_TEST(trace->skipped_lines() == 1000u);
}

// ---- Compressed files, made with the libraries themselves. ----

std::string sample_text() {
  std::string text;
  for (int i = 0; i < 20'000; ++i) {
    text += "kmem:kfree: call_site=f ptr=" + std::to_string(1000 + i * 7919 % 65'537) + "\n";
  }
  return text;
}
std::string gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}
std::string xz(const std::string& text) {
  std::string out(lzma_stream_buffer_bound(text.size()), '\0');
  size_t size = 0;
  BOOST_REQUIRE(lzma_easy_buffer_encode(3, LZMA_CHECK_CRC64, nullptr,
                                        reinterpret_cast<const uint8_t*>(text.data()), text.size(),
                                        reinterpret_cast<uint8_t*>(out.data()), &size,
                                        out.size()) == LZMA_OK);
  out.resize(size);
  return out;
}
std::string zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}
std::string bzip2(const std::string& text) {
  std::string out(text.size() + text.size() / 100 + 600, '\0');
  auto size = static_cast<unsigned>(out.size());
  BZ2_bzBuffToBuffCompress(out.data(), &size, const_cast<char*>(text.data()),
                           static_cast<unsigned>(text.size()), 1, 0, 0);
  out.resize(size);
  return out;
}
struct Packer {
  const char* name;
  std::string (*pack)(const std::string&);
};
std::ostream& operator<<(std::ostream& out, const Packer& packer) { return out << packer.name; }
const Packer kPackers[] = {{"gzip", gzip}, {"xz", xz}, {"zstd", zstd}, {"bzip2", bzip2}};

BOOST_DATA_TEST_CASE(a_compressed_trace_is_read_whole, data::make(kPackers), packer) {
  TempFile file(packer.pack(sample_text()));
  const auto trace = read_trace(file.path());
  BOOST_REQUIRE(trace.ok());
  BOOST_TEST(trace->events.size() == 20'000u);
  BOOST_TEST(trace->broken_lines == 0u);
  BOOST_TEST(!trace->is_cut);
  // Two files one after the other are one.
  TempFile twice(packer.pack(sample_text()) + packer.pack(sample_text()));
  BOOST_TEST(read_trace(twice.path())->events.size() == 40'000u);
}

BOOST_DATA_TEST_CASE(a_compressed_trace_that_is_cut_gives_what_it_holds, data::make(kPackers),
                     packer) {
  const std::string bytes = packer.pack(sample_text());
  TempFile file(bytes.substr(0, bytes.size() * 9 / 10));
  const auto trace = read_trace(file.path());
  BOOST_REQUIRE(trace.ok());
  BOOST_TEST(trace->is_cut);
  BOOST_TEST(trace->events.size() > 2'000u);
  BOOST_TEST(trace->events.size() < 20'000u);
  BOOST_TEST(trace->broken_lines == 0u);
}

BOOST_DATA_TEST_CASE(a_compressed_trace_that_is_damaged_is_an_error, data::make(kPackers), packer) {
  std::string bytes = packer.pack(sample_text());
  for (size_t i = bytes.size() / 3; i < bytes.size() / 2; ++i) bytes[i] ^= 0x5a;
  TempFile file(bytes);
  BOOST_TEST(contains(error_of(file.path()), "damaged"));
}

BOOST_AUTO_TEST_CASE(a_recording_is_named_with_the_command_that_makes_text_of_it) {
  TempFile perf("PERFILE2" + std::string(100, '\0'));
  BOOST_TEST(contains(error_of(perf.path()), "is a recording of perf"));
  BOOST_TEST(contains(error_of(perf.path()), "`perf script -i '" + perf.path() + "'"));
  TempFile dat("\x17\x08\x44tracing6" + std::string(100, '\0'));
  BOOST_TEST(contains(error_of(dat.path()), "`trace-cmd report '" + dat.path() + "'"));
}

BOOST_AUTO_TEST_CASE(a_damaged_gzip_is_an_error) {
  std::ifstream whole(kSample, std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(whole), {});
  for (size_t i = 1000; i < 1100; ++i) bytes[i] ^= 0x5a;
  TempFile file(bytes);
  BOOST_TEST(contains(error_of(file.path()), "damaged"));
}

BOOST_AUTO_TEST_CASE(what_is_no_trace_is_an_error) {
  TempFile empty;
  BOOST_TEST(contains(error_of(empty.path()), "is no trace: none of the 0 lines"));
  TempFile prose("It was a dark and stormy night.\n");
  BOOST_TEST(contains(error_of(prose.path()), "is no trace: none of the 1 lines"));
  BOOST_TEST(contains(error_of(prose.path()), "; line 1: no event"));
  TempFile other("a 1 [0] 1.5: sched:sched_switch: x=1\na 1 [0] 1.5: kmem:kfree: call_site=f\n");
  BOOST_TEST(contains(error_of(other.path()), "; 1 x sched_switch"));
  BOOST_TEST(contains(error_of(other.path()), "; line 2: an object event without ptr="));
}

BOOST_AUTO_TEST_CASE(an_endless_file_without_events_is_given_up) {
  BOOST_TEST(contains(error_of("/dev/zero"), "is no trace: none of the 0 lines read"));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_is_an_error) {
  BOOST_TEST(contains(error_of("/nowhere/trace"), "cannot read '/nowhere/trace': No such"));
  BOOST_TEST(contains(error_of("/tmp"), "it is a folder"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::harness
