#include "harness/replay/fragmentation.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "lib/bitmap.h"
#include "lib/bits.h"

namespace ring3::harness {
namespace {

using mm::Order;
using mm::Pfn;

constexpr uint64_t kWordBits = 64;
constexpr Order kWordOrder{6};
constexpr uint64_t kMostPages = uint64_t{1} << 24;
// Ranges start at a multiple of the largest block, so that blocks do not straddle their start.
constexpr uint64_t kBlockPages = uint64_t{1} << Order::kMax;

// The maximal aligned blocks of set bits in one word, for orders below a word.
void count_in_word(uint64_t word, std::array<uint64_t, mm::kOrders>& blocks) {
  for (unsigned order = kWordOrder.value(); word != 0 && order-- > 0;) {
    const uint64_t pages = uint64_t{1} << order;
    const uint64_t mask = (uint64_t{1} << pages) - 1;
    for (uint64_t at = 0; at < kWordBits; at += pages) {
      if (((word >> at) & mask) != mask) continue;
      ++blocks[order];
      word &= ~(mask << at);
    }
  }
}

// The maximal aligned blocks of set bits in `words`, which are one block of `order`.
void count_blocks(std::span<const uint64_t> words, Order order,
                  std::array<uint64_t, mm::kOrders>& blocks) {
  const auto is = [words](uint64_t value) {
    return std::all_of(words.begin(), words.end(), [value](uint64_t w) { return w == value; });
  };
  if (is(0)) return;
  if (is(~uint64_t{0})) {
    ++blocks[order.value()];
  } else if (order == kWordOrder) {
    count_in_word(words.front(), blocks);
  } else {
    const size_t half = words.size() / 2;
    count_blocks(words.first(half), order.lower(), blocks);
    count_blocks(words.last(half), order.lower(), blocks);
  }
}

// The blocks of the frames in free_words, which begin at a multiple of the largest block.
std::array<uint64_t, mm::kOrders> blocks_of(std::span<const uint64_t> free_words) {
  std::array<uint64_t, mm::kOrders> blocks{};
  const size_t block_words = kBlockPages / kWordBits;
  for (size_t at = 0; at < free_words.size(); at += block_words) {
    count_blocks(free_words.subspan(at, block_words), mm::kMaxOrder, blocks);
  }
  return blocks;
}

// Calls visit(const PageSet&) with the frames of [low, end) in use at each of the moments.
template <class Visit>
void for_each_moment(const ReplayPlan& plan, Pfn low, Pfn end, Visit visit) {
  PageSet in_use(low, end);
  for (size_t sample = 0; sample < kReplaySamples; ++sample) {
    const Part part = part_of(plan.steps.size(), sample, kReplaySamples);
    for (size_t i = part.begin; i < part.end; ++i) {
      const ReplayStep& step = plan.steps[i];
      if (step.action == ReplayStep::Action::kSplit) continue;  // in use before and after
      const Pfn pfn(step.identity);
      step.action == ReplayStep::Action::kAlloc ? in_use.add_block(pfn, Order(step.order))
                                                : in_use.remove_block(pfn, Order(step.order));
    }
    visit(std::as_const(in_use));
  }
}

}  // namespace

PageSet::PageSet(Pfn start, Pfn end)
    : first_word_(align_down(start.value(), kBlockPages) / kWordBits),
      words_(align_up(end.value(), kBlockPages) / kWordBits - first_word_) {}

void PageSet::set_block(Pfn pfn, Order order, bool value) {
  BitmapView bits(words_.data(), words_.size() * kWordBits);
  const uint64_t first = pfn.value() - first_word_ * kWordBits;
  for (uint64_t i = 0; i < order.pages().value(); ++i) {
    value ? bits.set(first + i) : bits.clear(first + i);
  }
}

void PageSet::add_all(const PageSet& other) {
  for (size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
}

uint64_t PageSet::count() const {
  uint64_t count = 0;
  for (const uint64_t word : words_) count += static_cast<uint64_t>(std::popcount(word));
  return count;
}

std::array<uint64_t, mm::kOrders> PageSet::blocks_outside() const {
  PageSet all = *this;
  std::ranges::fill(all.words_, ~uint64_t{0});
  return blocks_outside(all);
}

std::array<uint64_t, mm::kOrders> PageSet::blocks_outside(const PageSet& memory) const {
  std::vector<uint64_t> free_words(words_.size());
  for (size_t i = 0; i < words_.size(); ++i) free_words[i] = memory.words_[i] & ~words_[i];
  return blocks_of(free_words);
}

UnusableIndex unusable_index(const std::array<uint64_t, mm::kOrders>& free_blocks) {
  UnusableIndex index;
  for (unsigned order = 0; order < mm::kOrders; ++order) {
    index[order] = mm::unusable_free_index(free_blocks, Order(order));
  }
  return index;
}

TracedMemory traced_memory(const ReplayPlan& plan) {
  uint64_t low = ~uint64_t{0};
  uint64_t high = 0;
  for (const ReplayStep& step : plan.steps) {
    low = std::min(low, step.identity);
    high = std::max(high, step.identity + Order(step.order).pages().value());
  }
  if (plan.steps.empty() || high - low >= kMostPages) return {};
  PageSet seen{Pfn(low), Pfn(high)};
  for_each_moment(plan, Pfn(low), Pfn(high), [&](const PageSet& in_use) { seen.add_all(in_use); });
  TracedMemory traced;
  traced.coverage = static_cast<double>(seen.count()) / static_cast<double>(high - low);
  if (traced.coverage < kLeastCoverage) return traced;
  for_each_moment(plan, Pfn(low), Pfn(high), [&](const PageSet& in_use) {
    traced.unusable.push_back(unusable_index(in_use.blocks_outside(seen)));
  });
  return traced;
}

}  // namespace ring3::harness
