// The program break: both kinds keep the same promises.

#include "mm/heap/break.h"

#include <unistd.h>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <climits>
#include <cstdint>
#include <functional>
#include <ostream>
#include <thread>

#include "mm/heap/process_break.h"
#include "mm/heap/window_break.h"
#include "tests/recording_sink.h"

namespace ring3::mm {
namespace {

namespace data = boost::unit_test::data;

constexpr size_t kLimit = size_t{1} << 20;

enum class Kind { kWindow, kProcess };
std::ostream& operator<<(std::ostream& out, Kind kind) {
  return out << (kind == Kind::kWindow ? "window" : "process");
}

std::unique_ptr<PageAllocator> make_pages(size_t mib, ReportSink& sink) {
  return std::move(
      PageAllocator::create({.size_bytes = mib << 20, .reports = &sink, .mappable = true}).value());
}

// Calls `test` with a break of either kind. In a thread of its own, whose malloc does not move the
// break of the process.
void with_break(Kind kind, const std::function<void(Break&)>& test) {
  std::thread([&] {
    test::RecordingSink sink;
    if (kind == Kind::kProcess) {
      test(**ProcessBreak::create(kLimit));
      return;
    }
    const auto pages = make_pages(16, sink);
    test(**WindowBreak::create(*pages, kLimit));
    pages->drain_all();
    BOOST_TEST(pages->allocated_pages().value() == 0u);
    BOOST_TEST(sink.count() == 0u);
  }).join();
}

constexpr Kind kKinds[] = {Kind::kWindow, Kind::kProcess};

}  // namespace

BOOST_AUTO_TEST_SUITE(mm_heap_break)

BOOST_DATA_TEST_CASE(sbrk_returns_the_break_before, data::make(kKinds), kind) {
  with_break(kind, [](Break& heap) {
    std::byte* start = heap.start();
    BOOST_TEST(heap.sbrk(0) == start);
    BOOST_TEST(heap.sbrk(100) == start);
    BOOST_TEST(heap.sbrk(0) == start + 100);
    BOOST_TEST(heap.sbrk(8000) == start + 100);
    BOOST_TEST(heap.sbrk(-50) == start + 8100);
    BOOST_TEST(heap.brk(start + 5000) == 0);
    BOOST_TEST(heap.sbrk(0) == start + 5000);
    BOOST_TEST(heap.peak_bytes() == 8100u);
    BOOST_TEST(heap.brk(start) == 0);
    BOOST_TEST(heap.size_bytes() == 0u);
  });
}

BOOST_DATA_TEST_CASE(what_cannot_be_is_refused_and_changes_nothing, data::make(kKinds), kind) {
  with_break(kind, [](Break& heap) {
    std::byte* start = heap.start();
    BOOST_REQUIRE(heap.brk(start + 1000) == 0);
    for (const intptr_t increment :
         {static_cast<intptr_t>(kLimit), intptr_t{-1001}, INTPTR_MAX, INTPTR_MIN, INTPTR_MIN + 1,
          static_cast<intptr_t>(kLimit) - 999}) {
      BOOST_TEST(heap.sbrk(increment) == Break::kSbrkFailed);
      BOOST_TEST(heap.sbrk(0) == start + 1000);
    }
    BOOST_TEST(heap.brk(start - 1) == -1);
    BOOST_TEST(heap.brk(nullptr) == -1);
    BOOST_TEST(heap.brk(reinterpret_cast<void*>(UINTPTR_MAX)) == -1);
    BOOST_TEST(heap.brk(start + kLimit + 1) == -1);
    BOOST_TEST(heap.end() == start + 1000);
    BOOST_TEST(heap.brk(start + kLimit) == 0);
    BOOST_TEST(heap.sbrk(1) == Break::kSbrkFailed);
  });
}

BOOST_DATA_TEST_CASE(memory_is_there_below_the_break_when_it_is_touched, data::make(kKinds), kind) {
  with_break(kind, [](Break& heap) {
    std::byte* start = heap.start();
    BOOST_CHECK(heap.touch(start, 1) == Touch::kSegv);
    heap.sbrk(3 * 4096 + 10);
    BOOST_CHECK(heap.touch(start + 5000, 1) == Touch::kMinorFault);
    BOOST_CHECK(heap.touch(start + 8191, 1) == Touch::kResident);
    BOOST_TEST(heap.minor_faults() == 1u);
    // Two pages at once, one of which is there.
    BOOST_CHECK(heap.touch(start + 4095, 2) == Touch::kMinorFault);
    BOOST_TEST(heap.minor_faults() == 2u);
    // The last bytes below the break, and the first above.
    BOOST_CHECK(heap.touch(start + 3 * 4096 + 9, 1) == Touch::kMinorFault);
    BOOST_CHECK(heap.touch(start + 3 * 4096 + 10, 1) == Touch::kSegv);
    BOOST_CHECK(heap.touch(start + 3 * 4096 + 9, 2) == Touch::kSegv);
    BOOST_CHECK(heap.touch(start - 1, 1) == Touch::kSegv);
    BOOST_CHECK(heap.touch(start, SIZE_MAX) == Touch::kSegv);
    start[5000] = std::byte{1};
    BOOST_CHECK(start[5001] == std::byte{0});
  });
}

BOOST_DATA_TEST_CASE(pages_above_a_break_that_falls_go_and_come_back_zero, data::make(kKinds),
                     kind) {
  with_break(kind, [](Break& heap) {
    std::byte* start = heap.start();
    heap.sbrk(4 * 4096);
    BOOST_CHECK(heap.touch(start, 4 * 4096) == Touch::kMinorFault);
    BOOST_TEST(heap.minor_faults() == 4u);
    for (size_t i = 0; i < 4 * 4096; i += 512) start[i] = std::byte{7};
    // The break falls into the second page, which stays; the two after it go.
    heap.brk(start + 4097);
    heap.brk(start + 4 * 4096);
    BOOST_CHECK(heap.touch(start + 4096, 1) == Touch::kResident);
    BOOST_CHECK(start[4096 + 512] == std::byte{7});
    BOOST_CHECK(heap.touch(start + 2 * 4096, 1) == Touch::kMinorFault);
    BOOST_CHECK(start[2 * 4096 + 512] == std::byte{0});
    BOOST_TEST(heap.minor_faults() == 5u);
  });
}

BOOST_AUTO_TEST_CASE(a_window_s_pages_are_frames_of_its_memory) {
  test::RecordingSink sink;
  const auto pages = make_pages(4, sink);
  const auto heap = std::move(WindowBreak::create(*pages, kLimit).value());
  heap->sbrk(kLimit);
  const uint64_t before = pages->allocated_pages().value();
  heap->touch(heap->start(), 3 * 4096);
  BOOST_TEST(heap->resident_pages().value() == 3u);
  BOOST_TEST(pages->allocated_pages().value() == before + 3);
  // One frame, at two addresses.
  heap->start()[4096] = std::byte{42};
  size_t seen = 0;
  pages->for_each_allocated_block([&](const Page& page, FrameState) {
    seen += *static_cast<std::byte*>(pages->address_of(&page)) == std::byte{42};
    return true;
  });
  BOOST_TEST(seen == 1u);
  heap->brk(heap->start());
  BOOST_TEST(heap->resident_pages().value() == 0u);
  pages->drain_all();
  BOOST_TEST(pages->allocated_pages().value() == before);
}

BOOST_AUTO_TEST_CASE(without_a_frame_a_touch_has_no_memory) {
  test::RecordingSink sink;
  const auto pages = make_pages(4, sink);
  const auto heap = std::move(WindowBreak::create(*pages, size_t{8} << 20).value());
  BOOST_TEST(heap->sbrk(size_t{8} << 20) == heap->start());
  BOOST_CHECK(heap->touch(heap->start(), size_t{8} << 20) == Touch::kNoMemory);
  const uint64_t resident = heap->resident_pages().value();
  BOOST_TEST(resident > 900u);
  BOOST_TEST(resident <= 1024u);
  // What is there stays, and what goes is there for others.
  BOOST_CHECK(heap->touch(heap->start(), 4096) == Touch::kResident);
  heap->brk(heap->start() + 4096);
  BOOST_TEST(heap->resident_pages().value() == 1u);
  heap->sbrk(4096);
  BOOST_CHECK(heap->touch(heap->start() + 4096, 1) == Touch::kMinorFault);
}

BOOST_AUTO_TEST_CASE(windows_that_cannot_be_are_refused) {
  test::RecordingSink sink;
  const auto fixed = std::move(PageAllocator::create({.size_bytes = size_t{4} << 20}).value());
  BOOST_CHECK(WindowBreak::create(*fixed, kLimit).error().code == Errc::kInvalidArgument);
  const auto pages = make_pages(4, sink);
  BOOST_TEST(WindowBreak::create(*pages, 0).error().message ==
             "a heap of up to 0 bytes is not possible; use 1 to 1099511627776");
  BOOST_CHECK(WindowBreak::create(*pages, SIZE_MAX).error().code == Errc::kInvalidArgument);
  BOOST_TEST(WindowBreak::create(*pages, 1).value()->limit_bytes() == 4096u);
}

BOOST_AUTO_TEST_CASE(a_process_s_break_that_another_has_moved_stays) {
  std::thread([] {
    const auto heap = std::move(ProcessBreak::create(kLimit).value());
    BOOST_TEST(heap->sbrk(4096) == heap->start());
    void* other = ::sbrk(4096);
    BOOST_REQUIRE(other == heap->end());
    BOOST_TEST(heap->sbrk(4096) == Break::kSbrkFailed);
    BOOST_TEST(heap->sbrk(-4096) == Break::kSbrkFailed);
    BOOST_TEST(heap->sbrk(0) == heap->end());
    ::sbrk(-4096);
    BOOST_TEST(heap->sbrk(-4096) == heap->start() + 4096);
  }).join();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
