// Bytes as the same takes and puts of both policies' free blocks, beside each other. Each gives
// frames that nobody has, and as many as the other; where both are exact, both serve or both
// refuse: a single page, and any block when everything is free. What only one of them gives goes
// back, so that both always have as much in use.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "lib/check.h"
#include "mm/pages/pages.h"

using namespace ring3;
using namespace ring3::mm;

namespace {

constexpr uint64_t kFrames = 4096;  // 8 pageblocks

// The free blocks of one policy, and who has each frame.
class Side {
 public:
  explicit Side(const PagePolicy& policy)
      : tables_(std::move(FrameTables::create(PageCount(kFrames)).value())),
        memmap_(tables_.memmap(nullptr)),
        free_(std::move(policy.make(memmap_, Pfn(0), Pfn(kFrames)).value())),
        used_(kFrames) {
    free_->add_free_range(Pfn(0), Pfn(kFrames));
  }

  // The heads of what it gives, from as near as it has any.
  std::vector<Frame> take(Order order, Migratetype type, size_t wanted) {
    std::vector<Frame> heads(wanted);
    for (const Reach reach : {Reach::kOwn, Reach::kWhole, Reach::kMixing}) {
      const size_t count = free_->take(order, type, reach, heads);
      CHECK_LE(count, wanted);
      if (count == 0) continue;
      heads.resize(count);
      for (const Frame head : heads) mark(head, order, true);
      return heads;
    }
    return {};
  }
  void put(std::span<Frame> heads, Order order) {
    for (const Frame head : heads) mark(head, order, false);
    CHECK_EQ(free_->put(order, heads), heads.size());
  }

  const FreeBlocks& free() const { return *free_; }
  const Memmap& memmap() const { return memmap_; }

  void check() const {
    CHECK_EQ(free_->count_faults(), 0u);
    uint64_t pages = 0;
    const auto blocks = free_->free_blocks();
    FreeBlocks::TypedBlocks typed = free_->free_blocks_by_type();
    for (size_t order = 0; order < kOrders; ++order) {
      pages += blocks[order] << order;
      uint64_t of_all_types = 0;
      for (const auto& of_type : typed) of_all_types += of_type[order];
      CHECK_EQ(of_all_types, blocks[order]);
    }
    CHECK_EQ(pages, free_->free_pages().value());
    CHECK_EQ(kFrames - pages, static_cast<uint64_t>(std::ranges::count(used_, true)));
  }

 private:
  void mark(Frame head, Order order, bool used) {
    CHECK(is_block_aligned(Pfn(head), order));
    CHECK_LE(head + order.pages().value(), kFrames);
    for (Frame frame = head; frame < head + order.pages().value(); ++frame) {
      CHECK_EQ(used_[frame], !used);
      used_[frame] = used;
    }
    memmap_.set_state(Pfn(head), used ? FrameState::allocated(order) : FrameState());
  }

  FrameTables tables_;
  const Memmap memmap_;
  std::unique_ptr<FreeBlocks> free_;
  std::vector<bool> used_;
};

class Pair {
 public:
  void take(Order order, Migratetype type, size_t wanted) {
    const bool whole = kernel_.free().free_pages() == PageCount(kFrames);
    std::vector<Frame> kernels = kernel_.take(order, type, wanted);
    std::vector<Frame> packeds = packed_.take(order, type, wanted);
    if (order == Order(0) || whole) CHECK_EQ(kernels.empty(), packeds.empty());
    // A batch is as long as a policy likes.
    const size_t both = std::min(kernels.size(), packeds.size());
    kernel_.put(std::span(kernels).subspan(both), order);
    packed_.put(std::span(packeds).subspan(both), order);
    for (size_t i = 0; i < both; ++i) live_.push_back({kernels[i], packeds[i], order});
    CHECK_EQ(kernel_.free().free_pages(), packed_.free().free_pages());
  }
  // Of one block, or of all of an order, in any order.
  void put(size_t which, bool all) {
    if (live_.empty()) return;
    const size_t chosen = which % live_.size();
    const Order order = live_[chosen].order;
    std::vector<Frame> kernels;
    std::vector<Frame> packeds;
    for (size_t i = live_.size(); i-- > 0;) {
      const Block block = live_[i];
      if (all ? block.order != order : i != chosen) continue;
      kernels.push_back(block.kernel);
      packeds.push_back(block.packed);
      live_[i] = live_.back();
      live_.pop_back();
    }
    kernel_.put(kernels, order);
    packed_.put(packeds, order);
    CHECK_EQ(kernel_.free().free_pages(), packed_.free().free_pages());
  }
  void check() const {
    kernel_.check();
    packed_.check();
  }
  // With nothing in use, there are only blocks of the highest order.
  void finish() {
    while (!live_.empty()) put(0, true);
    check();
    const auto blocks = kernel_.free().free_blocks();
    CHECK_EQ(blocks[Order::kMax], kFrames >> Order::kMax);
    CHECK(blocks == packed_.free().free_blocks());
  }

 private:
  struct Block {
    Frame kernel;
    Frame packed;
    Order order;
  };

  Side kernel_{kKernelPolicy};
  Side packed_{kPackedPolicy};
  std::vector<Block> live_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Pair pair;
  for (size_t i = 0; i + 1 < size; i += 2) {
    const uint8_t code = data[i];
    const uint8_t argument = data[i + 1];
    if (code % 8 < 5) {
      // Small orders more often than large ones.
      const Order order(code % 8 < 3 ? argument % 4u : argument % kOrders);
      pair.take(order, static_cast<Migratetype>(code / 8 % kRequestTypes), 1 + argument / 16);
    } else {
      pair.put(argument + (size_t{code} << 8), code % 8 == 7 && argument % 8 == 0);
    }
    if (i % 32 == 0) pair.check();
  }
  pair.finish();
  return 0;
}
