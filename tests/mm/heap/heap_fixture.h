#pragma once

// A heap over a window, or over the process's own break, whose end proves that nothing is wrong.

#include <boost/test/unit_test.hpp>

#include <cstring>
#include <memory>
#include <ostream>
#include <string>
#include <utility>

#include "mm/heap/heaps.h"
#include "tests/recording_sink.h"

namespace ring3::mm {

inline std::ostream& operator<<(std::ostream& out, const FitPolicy& policy) {
  return out << policy.name;
}

inline std::ostream& operator<<(std::ostream& out, Coalescing coalescing) {
  return out << to_string(coalescing);
}

struct HeapFixture {
  explicit HeapFixture(HeapConfig config = {}, size_t limit_bytes = size_t{1} << 20,
                       size_t memory_bytes = size_t{16} << 20)
      : pages(std::move(
            PageAllocator::create({.size_bytes = memory_bytes, .reports = &sink, .mappable = true})
                .value())),
        window(std::move(WindowBreak::create(*pages, limit_bytes).value())) {
    config.reports = &sink;
    heap = std::move(Heap::create(*window, config).value());
  }
  ~HeapFixture() {
    BOOST_TEST(heap->check() == "");
    BOOST_TEST(heap->mistakes() == expected_mistakes);
    heap.reset();
    window.reset();
    pages->drain_all();
    BOOST_TEST(pages->allocated_pages().value() == 0u);
  }

  // A block of `bytes` with every byte touched and set to `value`.
  std::byte* filled(size_t bytes, int value) {
    auto* data = static_cast<std::byte*>(heap->malloc(bytes));
    BOOST_REQUIRE(data != nullptr);
    BOOST_REQUIRE(bytes == 0 || window->touch(data, bytes) != Touch::kSegv);
    std::memset(data, value, bytes);
    return data;
  }
  // "used 32 free 64 used 16": the blocks as they lie, with the bytes of their data.
  std::string picture() {
    std::string text;
    for (const Block* block = heap->first_block(); block; block = heap->block_after(block)) {
      text += (text.empty() ? "" : " ") + std::string(block->free ? "free " : "used ") +
              std::to_string(block->size);
    }
    return text;
  }

  test::RecordingSink sink;
  std::unique_ptr<PageAllocator> pages;
  std::unique_ptr<WindowBreak> window;
  std::unique_ptr<Heap> heap;
  uint64_t expected_mistakes = 0;
};

}  // namespace ring3::mm
