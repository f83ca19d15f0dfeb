// The page allocator, under each policy: blocks that are allocated, handed over and freed while
// CPUs' lists are drained.

#include <array>

#include "harness/hunt/all_targets.h"
#include "harness/hunt/cpu_interrupts.h"
#include "harness/hunt/hand_over.h"
#include "harness/hunt/ownership.h"
#include "mm/mm.h"

namespace ring3::harness {
namespace {

constexpr uint32_t kSlots = 3;
constexpr uint32_t kMostOrder = 3;
constexpr uint32_t kCounted = 2;

enum Kind : uint32_t {
  kAlloc,
  kFree,
  kSwap,
  kDrain,
  kSplit,
  kReplug,
  kIrq,
  kNmi,
  kBulk,
  kGet,
  kDrop,
  kShare,
  kFreeShared
};
constexpr OpInfo kOps[] = {{"alloc", 2, {kSlots, kMostOrder + 1}},
                           {"free", 1, {kSlots}},
                           {"swap", 1, {kSlots}},
                           {"drain", 0, {}},
                           {"split", 1, {kSlots}},
                           {"replug", 1, {3}},
                           {"irq", 1, {3}},
                           {"nmi", 1, {3}},
                           {"bulk", 0, {}},
                           {"get", 1, {kCounted}},
                           {"drop", 1, {kCounted}},
                           {"share", 1, {kCounted}},
                           {"free_shared", 1, {kShared}}};
// Freeing what another frees too is a mistake, for scenarios that expect it.
constexpr uint32_t kWeights[] = {8, 6, 3, 2, 1, 1, 1, 1, 1, 2, 1, 1, 0};

constexpr std::string_view kNamed[] = {
    // Drain against free.
    "cpus 2\ntask 0\nalloc 0 0\nfree 0\nalloc 0 0\nfree 0\ntask 1\ndrain\ndrain\n",
    // Refill against drain.
    "cpus 2\ntask 0\nalloc 0 0\nalloc 1 0\ntask 1\ndrain\nalloc 0 0\n",
    // Racing double free.
    "cpus 2\ntask 0\nfree_shared 0\ntask 1\nfree_shared 0\n",
    "cpus 2\ntask 0\nfree_shared 1\ndrain\ntask 1\nfree_shared 1\n",
    // What one allocates another frees and a third allocates.
    "cpus 3\ntask 0\nalloc 0 0\nswap 0\ntask 1\nswap 0\nfree 0\ntask 2\nalloc 0 0\n",
    // An interrupt allocates and frees in the middle of a refill.
    "cpus 1\ntask 0\nirq 0\nalloc 0 0\nfree 0\ntask 0\nalloc 0 1\nirq 0\nfree 0\n",
    // What nothing holds off does the same in the middle of everything.
    "cpus 1\ntask 0\nnmi 0\nalloc 0 0\nfree 0\ndrain\ntask 0\nalloc 0 1\nnmi 0\nfree 0\n",
    "cpus 2\ntask 0\nalloc 0 3\nnmi 0\nfree 0\ntask 1\nbulk\nnmi 1\ndrain\n",
    // Whoever allocated a block lets go of it while another looks at it.
    "cpus 2\ntask 0\ndrop 0\ntask 1\nget 0\n",
    "cpus 3\ntask 0\ndrop 1\ntask 1\nget 1\ntask 2\nget 1\nalloc 0 2\n",
    "cpus 2\ntask 0\ndrop 0\nshare 0\ndrop 0\nshare 0\ntask 1\nget 0\nget 0\nget 0\n",
    // The buddy of what is freed is allocated.
    "cpus 2\ntask 0\nalloc 0 1\nfree 0\ntask 1\nalloc 0 1\nfree 0\n",
};

// Zones of more than one page a refill.
constexpr size_t kArenaBytes = size_t{128} << 20;

// CPUs meet on their own node's lists, and where there are enough of them, on others'.
uint32_t nodes_of(const Scenario& scenario) { return scenario.cpus > 2 ? 2 : 1; }

class PagesTarget final : public Target {
 public:
  PagesTarget(World& world, const Scenario& scenario, const mm::PagePolicy& policy)
      : topology_(std::move(Topology::simulated(scenario.cpus, nodes_of(scenario)).value())),
        pages_(std::move(mm::PageAllocator::create({.size_bytes = kArenaBytes,
                                                    .lockdep = nullptr,
                                                    .reports = &trap_,
                                                    .topology = &topology_,
                                                    .policy = &policy})
                             .value())),
        irqs_(world, scenario.cpus,
              [&] { free(world, allocate(world, mm::Order(0), mm::kGfpAtomic)); }),
        nmis_(
            world, scenario.cpus, [&] { use_without_waiting(world); }, Context::kNmi),
        held_(scenario.tasks.size()) {
    free_blocks_ = pages_->free_blocks();
    for (uint32_t i = 0; i < kShared; ++i) {
      shared_[i] = pages_->alloc_pages(mm::kGfpKernel, mm::Order(i));
      ++allocs_;
    }
    for (uint32_t i = 0; i < kCounted; ++i) share(i);
  }

  void run(World& world, uint32_t task, const Op& op) override {
    Block& slot = held_[task][op.numbers[0] % kSlots];
    switch (op.kind) {
      case kAlloc:
        if (slot.page == nullptr) slot = allocate(world, mm::Order(op.numbers[1]), mm::kGfpKernel);
        break;
      case kFree:
        free(world, std::exchange(slot, {}));
        break;
      case kSwap:
        boxes_.swap(slot, op.numbers[0]);
        break;
      case kDrain:
        pages_->drain_all();
        break;
      case kSplit:
        if (slot.page != nullptr && slot.order > mm::Order(0))
          split(world, std::exchange(slot, {}));
        break;
      case kReplug:
        pages_->cpu_dead(op.numbers[0] % topology_.cpu_ids());
        pages_->cpu_online(op.numbers[0] % topology_.cpu_ids());
        break;
      case kIrq:
        irqs_.raise(op.numbers[0]);
        break;
      case kNmi:
        nmis_.raise(op.numbers[0]);
        break;
      case kBulk:
        use_many(world);
        break;
      case kGet:
        look_at(world, op.numbers[0]);
        break;
      case kDrop:
        drop(op.numbers[0]);
        break;
      case kShare:
        share(op.numbers[0]);
        break;
      case kFreeShared:
        free_shared(op.numbers[0]);
        break;
    }
  }

  void finish(World& world) override {
    for (auto& slots : held_) {
      for (Block& slot : slots) free(world, std::exchange(slot, {}));
    }
    for (uint32_t i = 0; i < kShared; ++i) {
      Block left;
      boxes_.swap(left, i);
      free(world, left);
      if (!shared_frees_.any(i)) free_shared(i);
    }
    for (uint32_t i = 0; i < kCounted; ++i) drop(i);
    pages_->drain_all();
    shared_frees_.check(world, trap_);
    if (pages_->count_faults() != 0) world.fail("free lists are broken");
    if (pages_->allocated_pages() != mm::PageCount(0)) world.fail("pages are lost");
    if (pages_->free_blocks() != free_blocks_) world.fail("free blocks have not merged");
    if (pages_->count_of(mm::PageEvent::kMmPageAlloc) != allocs_) {
      world.fail("allocations are counted wrongly");
    }
    // A block that is not compound may have gone in pieces.
    if (!in_pieces_ && pages_->count_of(mm::PageEvent::kMmPageFree) != frees_) {
      world.fail("frees are counted wrongly");
    }
  }

 private:
  struct Block {
    mm::Page* page = nullptr;
    mm::Order order{0};
    bool compound = false;
  };

  uint64_t first_of(const Block& block) const { return pages_->pfn_of(block.page).value(); }

  // Blocks of several pages are compound pages, whose tails know their head.
  Block allocate(World& world, mm::Order order, mm::Gfp gfp) {
    if (order > mm::Order(0)) gfp = gfp | mm::kGfpFlagComp;
    Block block{.page = pages_->alloc_pages(gfp, order), .order = order};
    if (block.page == nullptr) world.fail("an allocation failed though memory is free");
    ++allocs_;
    if (first_of(block) % order.pages().value() != 0) world.fail("a block is not aligned");
    owners_.got(world, first_of(block), order.pages().value());
    block.compound = order > mm::Order(0);
    return block;
  }
  void free(World& world, const Block& block) {
    if (block.page == nullptr) return;
    if (block.compound &&
        pages_->memmap().head_page_of(pages_->address_of(block.page + 1)) != block.page) {
      world.fail("a tail does not know its head");
    }
    owners_.gives(world, first_of(block), block.order.pages().value());
    ++frees_;
    pages_->free_pages(block.page, block.order);
  }
  void split(World& world, const Block& block) {
    pages_->split_pages(block.page, block.order, mm::Order(0));
    for (uint64_t i = 0; i < block.order.pages().value(); ++i) {
      free(world, {.page = block.page + i, .order = mm::Order(0)});
    }
  }
  // From a handler that nothing holds off. It may get nothing: somebody may be at what there is.
  void use_without_waiting(World& world) {
    mm::Page* page = pages_->alloc_pages_nolock({}, mm::Order(0));
    if (page == nullptr) return;
    ++allocs_;
    const uint64_t frame = pages_->pfn_of(page).value();
    owners_.got(world, frame, 1);
    owners_.gives(world, frame, 1);
    ++frees_;
    pages_->free_pages_nolock(page, mm::Order(0));
  }
  void use_many(World& world) {
    std::array<mm::Page*, 3> many{};
    if (pages_->alloc_pages_bulk(mm::kGfpKernel, many) != many.size()) {
      world.fail("a bulk allocation failed though memory is free");
    }
    allocs_ += many.size();
    for (mm::Page* page : many) owners_.got(world, pages_->pfn_of(page).value(), 1);
    for (mm::Page* page : many) free(world, {.page = page, .order = mm::Order(0)});
  }
  // While there is a reference, it is what it was.
  void look_at(World& world, uint32_t number) {
    mm::Page& page = *counted_[number];
    if (!mm::PageAllocator::get_page_unless_zero(page)) return;
    if (pages_->memmap().owner_of(&page) != mm::PageOwner::kShared) {
      world.fail("a page is free though there is a reference to it");
    }
    pages_->put_page(page);
  }
  // The second is not compound: of it, only the first page stays for who has a reference.
  void share(uint32_t number) {
    if (counted_states_[number] != Counted::kGone) return;
    counted_states_[number] = Counted::kComing;
    counted_[number] = pages_->alloc_shared_pages(
        number == 0 ? mm::kGfpKernel | mm::kGfpFlagComp : mm::kGfpKernel, kCountedOrder);
    ++allocs_;
    counted_states_[number] = Counted::kThere;
  }
  // Who allocated it lets go of it.
  void drop(uint32_t number) {
    if (counted_states_[number] != Counted::kThere) return;
    counted_states_[number] = Counted::kGone;
    ++frees_;
    in_pieces_ |= number == 1;
    pages_->free_pages(counted_[number], kCountedOrder);
  }
  void free_shared(uint32_t number) {
    if (shared_frees_.add(number)) ++frees_;
    pages_->free_pages(shared_[number], mm::Order(number));
  }

  const Topology topology_;
  ReportTrap trap_;
  const std::unique_ptr<mm::PageAllocator> pages_;
  CpuInterrupts irqs_;
  CpuInterrupts nmis_;
  std::array<uint64_t, mm::kOrders> free_blocks_;
  std::vector<std::array<Block, kSlots>> held_;  // of each task
  Mailboxes<Block> boxes_;
  std::array<mm::Page*, kShared> shared_;
  SharedFrees shared_frees_;
  static constexpr mm::Order kCountedOrder{2};
  std::array<mm::Page*, kCounted> counted_{};
  enum class Counted : uint8_t { kGone, kComing, kThere };
  std::array<Counted, kCounted> counted_states_{};
  bool in_pieces_ = false;
  Ownership owners_;
  uint64_t allocs_ = 0;
  uint64_t frees_ = 0;
};

template <const mm::PagePolicy& policy>
std::unique_ptr<Target> make_target(World& world, const Scenario& scenario) {
  return std::make_unique<PagesTarget>(world, scenario, policy);
}

}  // namespace

constinit const TargetInfo kPagesTarget{
    .name = "pages",
    .about = "the page allocator, kernel policy: refills, flushes, drains, splits, racing frees",
    .ops = kOps,
    .weights = kWeights,
    .named = kNamed,
    .make = make_target<mm::kKernelPolicy>};

constinit const TargetInfo kPackedTarget{
    .name = "packed",
    .about = "the same under the packed policy, whose frees are not locked",
    .ops = kOps,
    .weights = kWeights,
    .named = kNamed,
    .make = make_target<mm::kPackedPolicy>};

}  // namespace ring3::harness
