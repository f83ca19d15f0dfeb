// The life of one page that Documentation/mm-pages.md tells: what it prints is what happens.

#include <boost/test/unit_test.hpp>

#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include <fmt/format.h>

#include "mm/pages/memblock.h"
#include "mm/pages/page_alloc.h"
#include "tests/lib/cpu/pinned.h"
#include "tests/recording_sink.h"

namespace ring3::mm {
namespace {

constexpr uint64_t kMib = uint64_t{1} << 20;

// One CPU, 16 MiB, of which the first MiB and three pages at the end are taken early.
struct Story {
  explicit Story(const PagePolicy& policy)
      : topology(std::move(Topology::simulated(1, 1).value())), policy_(policy) {
    memblock.add({0, 16 * kMib});
    memblock.reserve({0, kMib});
    early = memblock.alloc(3 * kPageSize, kPageSize).value();
    pages = std::move(PageAllocator::create({.size_bytes = 16 * kMib,
                                             .reports = &sink,
                                             .topology = &topology,
                                             .policy = &policy,
                                             .memblock = &memblock})
                          .value());
  }

  void say(std::string_view what) { text += fmt::format("    # {}\n", what); }
  void show(const std::string& lines) {
    std::istringstream stream(lines);
    for (std::string line; std::getline(stream, line);) {
      text += "    " + line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
  }
  void show_free() {
    show(pages->buddyinfo());
    const ZoneFacts dma = pages->zone_facts().front();
    text += fmt::format("    on CPU 0: {} pages\n", dma.pagesets.front().count);
  }
  void show_frame(Pfn pfn) {
    const FrameState state = pages->memmap().state(pfn);
    const char* kind = state.kind() == PageState::kAllocated ? "allocated"
                       : state.kind() == PageState::kPcp     ? "pcp"
                       : state.kind() == PageState::kBuddy   ? "buddy"
                                                             : "inside";
    text +=
        fmt::format("    frame {:#x}: {}, order {}, in a pageblock of type {}\n", pfn.value(), kind,
                    state.order().value(), migratetype_name(pages->memmap().type_of(pfn)));
  }

  void tell() {
    say(fmt::format("{}: handed over", policy_.name));
    show_free();
    say("alloc_pages(GFP_KERNEL, 0)");
    Page* page = pages->alloc_pages(kGfpKernel, Order(0));
    const Pfn pfn = pages->pfn_of(page);
    show_frame(pfn);
    show_free();
    say("free_pages(page, 0)");
    pages->free_pages(page, Order(0));
    show_frame(pfn);
    show_free();
    say("drain_all()");
    pages->drain_all();
    show_frame(pfn);
    show_free();
  }

  const Topology topology;
  test::RecordingSink sink;
  Memblock memblock;
  uint64_t early = 0;
  std::unique_ptr<PageAllocator> pages;
  std::string text;

 private:
  const PagePolicy& policy_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(mm_pages_page_story)

BOOST_AUTO_TEST_CASE(the_story_of_the_documentation_is_true) {
  const test::Pinned pinned(0);
  if (!pinned.done()) {
    BOOST_TEST_MESSAGE("skipped: may not run on CPU 0");
    return;
  }
  std::ifstream file("Documentation/mm-pages.md");
  const std::string chapter{std::istreambuf_iterator<char>(file), {}};
  BOOST_REQUIRE(!chapter.empty());
  for (const PagePolicy* policy : {&kKernelPolicy, &kPackedPolicy}) {
    Story story(*policy);
    if (policy == &kKernelPolicy) {
      story.say("memblock/memory");
      story.show(memblock_text(story.memblock.memory()));
      story.say("memblock/reserved");
      story.show(memblock_text(story.memblock.reserved()));
    }
    story.tell();
    BOOST_TEST(chapter.find(story.text) != std::string::npos, story.text);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
