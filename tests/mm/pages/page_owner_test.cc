// Who asked for pages and who gave them back, in the kernel's texts; and what pages hold when they
// change hands.

#include "mm/pages/page_owner.h"

#include <fmt/format.h>

#include <boost/test/unit_test.hpp>

#include <cstring>
#include <regex>
#include <string>

#include "mm/pages/page_poison.h"
#include "tests/death.h"
#include "tests/mm/pages/pages_fixture.h"

namespace ring3::mm {

// Callers with names that the program exports.
[[gnu::noinline]] Page* owner_allocates(PageAllocator& pages, Gfp gfp, Order order);
Page* owner_allocates(PageAllocator& pages, Gfp gfp, Order order) {
  return pages.alloc_pages(gfp, order);
}
[[gnu::noinline]] void owner_frees(PageAllocator& pages, Page* page, Order order);
void owner_frees(PageAllocator& pages, Page* page, Order order) { pages.free_pages(page, order); }

BOOST_FIXTURE_TEST_SUITE(mm_pages_page_owner, PagesFixture)

BOOST_AUTO_TEST_CASE(a_record_says_who_how_and_when) {
  Page* page = owner_allocates(*pages, kGfpKernel | kGfpFlagComp, Order(3));
  const Pfn pfn = pages->pfn_of(page);
  const PageOwners& owners = *pages->owners();
  const PageOwners::Record first = owners.of(pfn);
  BOOST_TEST(first.order.value() == 3u);
  BOOST_CHECK(first.gfp == (kGfpKernel | kGfpFlagComp));
  BOOST_TEST(first.pid == Task::current().id());
  BOOST_TEST(first.tgid == getpid());
  BOOST_TEST(first.allocated.value() > 0);
  BOOST_TEST(first.freed.value() == 0);
  BOOST_TEST(describe_address(owners.frames(first.allocated_by)[0])
                 .starts_with("ring3::mm::owner_allocates+0x"));
  owner_frees(*pages, page, Order(3));
  // A tail of what was a block, which may have merged by now.
  pages->drain_all();
  const PageOwners::Record freed = owners.of_page(pages->memmap(), pfn + PageCount(5));
  BOOST_CHECK(freed.freed >= first.allocated);
  BOOST_TEST(
      describe_address(owners.frames(freed.freed_by)[0]).starts_with("ring3::mm::owner_frees+0x"));
  BOOST_TEST(page_owner_report(owners, pages->memmap(), Pfn(0)) ==
             "page_owner info is not present\n");
}

BOOST_AUTO_TEST_CASE(the_text_has_a_record_for_each_block_in_use) {
  BOOST_TEST(page_owner_text(*pages->owners(), pages->memmap()) == "");
  Page* unmovable = owner_allocates(*pages, kGfpKernel | kGfpFlagComp, Order(3));
  Page* movable = owner_allocates(*pages, kGfpHighuserMovable, Order(0));
  std::string text = page_owner_text(*pages->owners(), pages->memmap());
  text = std::regex_replace(text, std::regex("pid \\d+, tgid \\d+ \\([^)]*\\), ts \\d+ ns"), "WHO");
  text = std::regex_replace(text, std::regex("(\n [^\n]+)+"), "\n STACK");
  const uint64_t pfns[] = {pages->pfn_of(unmovable).value(), pages->pfn_of(movable).value()};
  BOOST_TEST(text ==
             fmt::format("Page allocated via order 3, mask 0x40cc0(GFP_KERNEL|__GFP_COMP), WHO\n"
                         "PFN {:#x} type Unmovable Block {} type Unmovable Flags "
                         "0x40(head|node=0|zone=1)\n"
                         " STACK\n\n"
                         "Page allocated via order 0, mask 0x100cca(GFP_HIGHUSER_MOVABLE), WHO\n"
                         "PFN {:#x} type Movable Block {} type Movable Flags "
                         "0x0(node=0|zone=3)\n"
                         " STACK\n\n",
                         pfns[0], pfns[0] / 512, pfns[1], pfns[1] / 512));
  const std::string stacks = page_owner_stacks_text(*pages->owners(), pages->memmap());
  BOOST_TEST(stacks.starts_with(" ring3::mm::owner_allocates+0x"));
  BOOST_TEST(stacks.find("nr_base_pages: 8\n\n") < stacks.find("nr_base_pages: 1\n\n"));
  const std::string info = allocinfo_text(*pages->owners(), pages->memmap());
  BOOST_TEST(info.starts_with("allocinfo - version: 1.0\n#     <size>  <calls> <tag info>\n"));
  // clang writes no table that finds a line by its address.
  const std::regex line(
      "\n +36864        2 (\\S*page_owner_test.cc:\\d+|\\?:0) "
      "func:ring3::mm::owner_allocates\n");
  BOOST_TEST(std::regex_search(info, line));
  free(unmovable, 3);
  free(movable, 0);
}

BOOST_AUTO_TEST_CASE(parts_of_a_split_block_have_its_record) {
  Page* block = owner_allocates(*pages, kGfpKernel, Order(2));
  pages->split_pages(block, Order(2), Order(0));
  for (int i = 0; i < 4; ++i) {
    const PageOwners::Record record = pages->owners()->of(pages->pfn_of(block + i));
    BOOST_TEST(record.order.value() == 0u);
    BOOST_TEST(record.allocated.value() > 0);
    free(block + i, 0);
  }
}

// What a page was last, not what it was alone.
BOOST_AUTO_TEST_CASE(a_free_page_belonged_to_the_block_that_was_last) {
  Page* block = alloc(kGfpKernel, 3);
  pages->split_pages(block, Order(3), Order(0));
  for (int i = 0; i < 8; ++i) free(block + i, 0);
  pages->drain_all();
  BOOST_REQUIRE(alloc(kGfpKernel, 3) == block);
  owner_frees(*pages, block, Order(3));
  pages->drain_all();
  for (uint64_t i = 0; i < 8; ++i) {
    const Pfn pfn = pages->pfn_of(block) + PageCount(i);
    const PageOwners::Record record = pages->owners()->of_page(pages->memmap(), pfn);
    BOOST_TEST(record.order.value() == 3u);
    BOOST_TEST(page_owner_report(*pages->owners(), pages->memmap(), pfn)
                   .starts_with("page_owner tracks the page as freed\n"));
  }
}

BOOST_AUTO_TEST_CASE(mixed_pageblocks_are_told) {
  Page* page = alloc(kGfpKernel, 0);
  BOOST_TEST(pagetypeinfo_text(pages->zone_facts())
                 .find("\nNumber of mixed blocks    Unmovable      Movable  Reclaimable   "
                       "HighAtomic \n"
                       "Node 0, zone      DMA            0            0            0            0 "
                       "\n") != std::string::npos);
  pages->memmap().set_type(pages->pfn_of(page), Migratetype::kReclaimable);
  const auto facts = pages->zone_facts();
  BOOST_TEST((*facts[1].mixed_pageblocks)[2] == 1u);
  BOOST_TEST((*facts[1].mixed_pageblocks)[0] == 0u);
  pages->memmap().set_type(pages->pfn_of(page), Migratetype::kUnmovable);
  free(page, 0);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(mm_pages_page_filling)

namespace {

struct Filled {
  explicit Filled(PageFilling filling)
      : pages(std::move(PageAllocator::create({.size_bytes = size_t{4} << 20,
                                               .reports = &sink,
                                               .policy = &test::page_policy(),
                                               .filling = filling})
                            .value())) {}
  // A page after it was used, as the next one who has it finds it.
  unsigned char* used_and_taken_again(Gfp gfp) {
    page = pages->alloc_pages(kGfpKernel, Order(1));
    void* bytes = pages->address_of(page);
    std::memset(bytes, 0x5b, Order(1).bytes());
    pages->free_pages(page, Order(1));
    page = pages->alloc_pages(gfp, Order(1));
    BOOST_REQUIRE(pages->address_of(page) == bytes);
    return static_cast<unsigned char*>(bytes);
  }
  void give_back() { pages->free_pages(page, Order(1)); }

  test::RecordingSink sink;
  std::unique_ptr<PageAllocator> pages;
  Page* page = nullptr;
};

bool all_are(const unsigned char* bytes, unsigned char value) {
  return std::all_of(bytes, bytes + Order(1).bytes(),
                     [value](unsigned char byte) { return byte == value; });
}

}  // namespace

BOOST_AUTO_TEST_CASE(pages_are_zero_when_they_change_hands_where_that_is_asked_for) {
  const auto found = [](PageFilling filling, Gfp gfp) {
    Filled filled(filling);
    const unsigned char* bytes = filled.used_and_taken_again(gfp);
    const int value = all_are(bytes, 0) ? 0 : all_are(bytes, 0x5b) ? 0x5b : bytes[0];
    filled.give_back();
    BOOST_TEST(filled.pages->misuses() == 0u);
    return value;
  };
  BOOST_TEST(found({}, kGfpKernel) == 0x5b);
  BOOST_TEST(found({}, kGfpKernel | kGfpFlagZero) == 0);
  BOOST_TEST(found({.init_on_alloc = true}, kGfpKernel) == 0);
  BOOST_TEST(found({.init_on_free = true}, kGfpKernel) == 0);
  BOOST_TEST(found({.page_poison = true}, kGfpKernel) == 0xaa);
  BOOST_TEST(found({.init_on_alloc = true, .page_poison = true}, kGfpKernel) == 0xaa);
  BOOST_TEST(found({.page_poison = true}, kGfpKernel | kGfpFlagZero) == 0);
}

BOOST_AUTO_TEST_CASE(who_writes_into_a_poisoned_page_is_seen) {
  if (kHaveAsan) return;  // which names him at once
  Filled filled({.page_poison = true});
  Page* page = filled.pages->alloc_pages(kGfpKernel, Order(0));
  auto* bytes = static_cast<unsigned char*>(filled.pages->address_of(page));
  filled.pages->free_pages(page, Order(0));
  bytes[100] ^= 0x08;
  page = filled.pages->alloc_pages(kGfpKernel, Order(0));
  BOOST_TEST(filled.pages->misuses() == 1u);
  BOOST_TEST(filled.sink.last_masked().starts_with("pagealloc: single bit error\nADDR: a2"));
  filled.pages->free_pages(page, Order(0));
  std::memcpy(bytes + 4090, "stale!", 6);
  bytes[8] = 0;
  page = filled.pages->alloc_pages(kGfpKernel, Order(0));
  BOOST_TEST(filled.pages->misuses() == 2u);
  const std::string text = filled.sink.last_raw();
  BOOST_TEST(text.starts_with("pagealloc: memory corruption\n"));
  BOOST_TEST(text.find(": 00 aa aa ") != std::string::npos);
  BOOST_TEST(text.find("and 3832 bytes more\n") != std::string::npos);
  filled.pages->free_pages(page, Order(0));
}

BOOST_AUTO_TEST_SUITE_END()

// Under ASan, whoever touches what is not his ends the process, and both stacks are named.
BOOST_FIXTURE_TEST_SUITE(mm_pages_page_asan, PagesFixture)

BOOST_AUTO_TEST_CASE(a_use_of_a_free_page_is_named_with_both_stacks) {
  if (!kHaveAsan) return;
  for (const unsigned order : {0u, 3u, 10u}) {
    Page* page = owner_allocates(*pages, kGfpKernel, Order(order));
    auto* bytes = static_cast<volatile char*>(pages->address_of(page));
    bytes[Order(order).bytes() - 1] = 1;
    owner_frees(*pages, page, Order(order));
    const test::Death death = test::run_in_child([&] { bytes[Order(order).bytes() - 1] = 2; });
    BOOST_TEST(death.said.find("use-after-poison") != std::string::npos);
    BOOST_TEST(death.said.find("page_owner tracks the page as freed\n") != std::string::npos);
    BOOST_TEST(death.said.find("\n ring3::mm::owner_allocates+0x") != std::string::npos);
    BOOST_TEST(death.said.find(" stack trace:\n ring3::mm::owner_frees+0x") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(an_overrun_into_a_free_page_is_named) {
  if (!kHaveAsan) return;
  Page* page = owner_allocates(*pages, kGfpKernel, Order(0));
  auto* bytes = static_cast<volatile char*>(pages->address_of(page));
  const test::Death death = test::run_in_child([&] { bytes[kPageSize] = 1; });
  BOOST_TEST(death.said.find("use-after-poison") != std::string::npos);
  BOOST_TEST(death.said.find(" is 0 bytes into block pfn:") != std::string::npos);
  free(page, 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
