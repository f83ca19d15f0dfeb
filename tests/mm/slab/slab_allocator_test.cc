#include "mm/slab/slab_allocator.h"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <regex>
#include <sstream>

#include "tests/mm/slab/slab_fixture.h"

namespace ring3::mm {
namespace {

namespace data = boost::unit_test::data;

struct Wrong {
  CacheConfig config;
  const char* says;
};
std::ostream& operator<<(std::ostream& out, const Wrong& wrong) { return out << wrong.says; }

CacheConfig config(std::string name, size_t size, size_t align = 0) {
  return {.name = std::move(name),
          .object_size = size,
          .align = align,
          .how = CacheAlign::kNatural,
          .ctor = nullptr};
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(mm_slab_slab_allocator, SlabFixture)

const Wrong kWrong[] = {
    {config("", 8), "1 to 128 characters"},
    {config(std::string(129, 'x'), 8), "1 to 128 characters"},
    {config("two words", 8), "no blanks"},
    {config("test", 0), "objects of 0 bytes; use 1 to 4194304"},
    {config("test", (4 << 20) + 1), "objects of 4194305 bytes"},
    {config("test", 8, 3), "alignment 3; use a power of two up to 4096"},
    {config("test", 8, 8192), "alignment 8192"},
    {config("kmalloc-64", 8), "the name is taken"},
};
BOOST_DATA_TEST_CASE(an_impossible_cache_is_refused_with_the_limit, data::make(kWrong), wrong) {
  const auto created = memory->create_cache(wrong.config);
  BOOST_REQUIRE(!created.ok());
  BOOST_CHECK(created.error().code == Errc::kInvalidArgument);
  BOOST_TEST(created.error().message.find(wrong.says) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_name_can_be_used_again_after_its_cache) {
  KmemCache& c = cache("test", 8);
  BOOST_TEST(!memory->create_cache(config("test", 8)).ok());
  BOOST_TEST(memory->destroy_cache(&c) == 0u);
  BOOST_TEST(memory->create_cache(config("test", 16)).ok());
}

BOOST_AUTO_TEST_CASE(destroying_what_is_no_cache_is_reported_and_null_is_nothing) {
  BOOST_TEST(memory->destroy_cache(nullptr) == 0u);
  BOOST_TEST(memory->misuses() == 0u);
  KmemCache& c = cache("test", 8);
  BOOST_TEST(memory->destroy_cache(&c) == 0u);
  BOOST_TEST(memory->destroy_cache(&c) == 0u);
  BOOST_TEST(memory->misuses() == 1u);
  BOOST_TEST(sink.last_raw().find("which is no cache of this memory or is destroyed already") !=
             std::string::npos);
  memory->destroy_cache(&memory->slabs().kmalloc().cache(0));
  BOOST_TEST(memory->misuses() == 2u);
}

// The pattern that slabtop's library reads each line with, after the two heading lines.
BOOST_AUTO_TEST_CASE(slabinfo_is_what_slabtop_reads) {
  cache("a-cache-with-a-rather-long-name", 200).free(nullptr);
  std::istringstream lines(memory->slabs().slabinfo());
  std::string line;
  std::getline(lines, line);
  BOOST_TEST(line == "slabinfo - version: 2.1");
  std::getline(lines, line);
  BOOST_TEST(line.find("# name            <active_objs> <num_objs>") == 0u);
  const std::regex row(
      R"(\S{1,128} +\d+ +\d+ +\d+ +\d+ +\d+ : tunables +\d+ +\d+ +\d+ : slabdata +\d+ +\d+ +\d+)");
  size_t rows = 0;
  while (std::getline(lines, line)) {
    BOOST_TEST(std::regex_match(line, row), line);
    ++rows;
  }
  BOOST_TEST(rows == Kmalloc::kCaches + 1);
}

BOOST_AUTO_TEST_CASE(shrinking_all_gives_every_free_slab_back) {
  memory->kfree(memory->kmalloc(64, kGfpKernel));
  KmemCache& c = cache("test", 300);
  c.free(c.alloc());
  BOOST_TEST(pages_in_use() > 0u);
  BOOST_TEST(memory->slabs().shrink_all().value() > 0u);
  BOOST_TEST(pages_in_use() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
