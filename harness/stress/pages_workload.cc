// Blocks of order 0 to 10, each order half as likely as the one below, with the flags of the
// kernel's most frequent callers.

#include <algorithm>
#include <array>
#include <bit>

#include "harness/stress/mm_workloads.h"
#include "harness/stress/object_workload.h"

namespace ring3::harness {
namespace {

using mm::Gfp;
using mm::Order;

constexpr std::array<Gfp, 5> kFlags{mm::kGfpHighuserMovable, mm::kGfpKernel,
                                    mm::kGfpKernel | mm::kGfpFlagComp, mm::kGfpAtomic,
                                    mm::kGfpNowait | mm::kGfpFlagZero};

struct PagesContext {
  mm::PageAllocator& pages;
  size_t budget_bytes;
  PatternDepth depth;
};

class PagesWorker final : public ObjectWorker {
 public:
  PagesWorker(const PagesContext& context, Prng prng, WorkerStats& stats, TransferArray& transfer)
      : ObjectWorker(prng, stats, transfer,
                     {.objects = 256, .bytes = context.budget_bytes, .depth = context.depth}),
        pages_(context.pages) {}

 private:
  Object allocate() override {
    const auto halvings = static_cast<unsigned>(std::countr_zero(prng().next() | 1ull << 63));
    const Order order(std::min(halvings, Order::kMax));
    const Gfp gfp = kFlags[prng().below(kFlags.size())];
    mm::Page* page = pages_.alloc_pages(gfp, order);
    if (page == nullptr) return {};
    return {.address = static_cast<std::byte*>(pages_.kmap_local(page)),
            .bytes = order.bytes(),
            .kind = order.value()};
  }
  void release(const Object& object) override {
    pages_.free_pages_at(object.address, Order(object.kind));
  }

  mm::PageAllocator& pages_;
};

}  // namespace

std::unique_ptr<Workload> make_pages_workload(Machine& machine, const StressOptions& options,
                                              size_t budget_bytes) {
  return std::make_unique<ObjectWorkload<PagesWorker, PagesContext>>(
      machine.lockdep(), PagesContext{machine.memory().pages(), budget_bytes,
                                      options.verify ? PatternDepth::kWhole : PatternDepth::kEnds});
}

}  // namespace ring3::harness
