// Bytes as calls of the page allocator, right ones and wrong ones. After each the invariants must
// hold, a wrong call must be reported exactly once and change nothing, and at the end everything
// must come back.

#include <cstdint>
#include <iterator>
#include <span>
#include <thread>
#include <variant>
#include <vector>

#include "lib/check.h"
#include "mm/pages/pages.h"

using namespace ring3;
using namespace ring3::mm;

namespace {

struct Silence final : ReportSink {
  void report(std::string_view) override {}
};

struct Alloc {
  Gfp gfp;
  Order order;
};
struct Free {
  size_t which;
};
struct FreeTwice {
  size_t which;
};
struct FreeAtOnce {
  size_t which;
};
struct FreeWithOrder {
  size_t which;
  Order order;
};
struct FreeInside {
  size_t which;
  size_t offset_bytes;
};
struct Drain {};
using Operation =
    std::variant<Alloc, Free, FreeTwice, FreeAtOnce, FreeWithOrder, FreeInside, Drain>;

constexpr Gfp kFlags[] = {kGfpKernel,
                          kGfpHighuserMovable,
                          kGfpAtomic,
                          kGfpDma,
                          kGfpKernel | kGfpFlagComp,
                          kGfpDma32 | kGfpFlagMemalloc,
                          kGfpDma | kGfpDma32,
                          kGfpNowait | kGfpFlagZero,
                          kGfpHighuserMovable | kGfpFlagReclaimable,
                          kGfpKernel | kGfpFlagNofail};

Operation decode(uint8_t code, uint8_t argument) {
  switch (code % 8) {
    case 0:
    case 1:
    case 2:
      return Alloc{kFlags[argument % std::size(kFlags)], Order(argument / 8 % 12)};
    case 3:
    case 4:
      return Free{argument};
    case 5:
      return argument % 16 == 0 ? Operation(FreeAtOnce{argument}) : Operation(FreeTwice{argument});
    case 6:
      // Orders a little off, and every power of two to 2^31 and all ones below 2^32.
      return FreeWithOrder{argument, Order(argument % 2 == 0   ? argument / 2 % 13
                                           : argument % 4 == 1 ? 1u << argument / 4 % 32
                                                               : ~0u << argument / 4 % 32)};
    default:
      return argument % 16 == 0 ? Operation(Drain{})
                                : Operation(FreeInside{argument, argument * 97u});
  }
}

class Session {
 public:
  explicit Session(const PagePolicy& policy)
      : pages_(std::move(PageAllocator::create({.size_bytes = size_t{32} << 20,
                                                .reports = &sink_,
                                                .policy = &policy,
                                                .failures = nullptr})
                             .value())) {}

  void perform(const Operation& operation) {
    std::visit([this](const auto& op) { apply(op); }, operation);
    CHECK_EQ(pages_->misuses(), expected_misuses_);
  }
  void check() { CHECK_EQ(pages_->count_faults(), 0u); }
  void finish() {
    while (!live_.empty()) apply(Free{0});
    pages_->drain_all();
    CHECK_EQ(pages_->allocated_pages(), PageCount(0));
    check();
  }

 private:
  struct Block {
    Page* page;
    Order order;
  };

  void apply(const Alloc& op) {
    const bool wrong = !op.order.valid() || !highest_zone(op.gfp) || has_two_migratetypes(op.gfp);
    expected_misuses_ += wrong;
    Page* page = pages_->alloc_pages(op.gfp, op.order);
    CHECK(!wrong || page == nullptr);
    if (page != nullptr) live_.push_back({page, op.order});
  }
  void apply(const Free& op) {
    if (live_.empty()) return;
    std::swap(live_[op.which % live_.size()], live_.back());
    pages_->free_pages(live_.back().page, live_.back().order);
    freed_ = live_.back();
    live_.pop_back();
  }
  void apply(const FreeTwice& op) {
    if (live_.empty()) return;
    apply(Free{op.which});
    ++expected_misuses_;
    pages_->free_pages(freed_.page, freed_.order);
  }
  // By two threads: whoever comes first, one of them is wrong.
  void apply(const FreeAtOnce& op) {
    if (live_.empty()) return;
    std::swap(live_[op.which % live_.size()], live_.back());
    const Block block = live_.back();
    live_.pop_back();
    ++expected_misuses_;
    std::thread other([&] { pages_->free_pages(block.page, block.order); });
    pages_->free_pages(block.page, block.order);
    other.join();
  }
  void apply(const FreeWithOrder& op) {
    if (live_.empty()) return;
    const Block& block = live_[op.which % live_.size()];
    if (op.order == block.order) return;
    ++expected_misuses_;
    pages_->free_pages(block.page, op.order);
  }
  void apply(const FreeInside& op) {
    if (live_.empty()) return;
    const Block& block = live_[op.which % live_.size()];
    const size_t offset = op.offset_bytes % block.order.bytes();
    if (offset == 0) return;
    ++expected_misuses_;
    pages_->free_pages_at(static_cast<std::byte*>(pages_->address_of(block.page)) + offset,
                          block.order);
  }
  void apply(const Drain&) { pages_->drain_all(); }

  Silence sink_;
  std::unique_ptr<PageAllocator> pages_;
  std::vector<Block> live_;
  Block freed_{};
  uint64_t expected_misuses_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  for (const PagePolicy* policy : kPagePolicies) {
    Session session(*policy);
    for (size_t i = 0; i + 1 < size; i += 2) {
      session.perform(decode(data[i], data[i + 1]));
      if (i % 16 == 0) session.check();
    }
    session.finish();
  }
  return 0;
}
