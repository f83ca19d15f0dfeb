// kmalloc and kfree of sizes from nothing to 64 KiB, small ones most often: each power of two is
// as likely as the next.

#include "harness/stress/mm_workloads.h"
#include "harness/stress/object_workload.h"

namespace ring3::harness {
namespace {

struct KmallocContext {
  mm::Memory& memory;
  size_t budget_bytes;
  PatternDepth depth;
};

class KmallocWorker final : public ObjectWorker {
 public:
  KmallocWorker(const KmallocContext& context, Prng prng, WorkerStats& stats,
                TransferArray& transfer)
      : ObjectWorker(prng, stats, transfer,
                     {.objects = 4096, .bytes = context.budget_bytes, .depth = context.depth}),
        memory_(context.memory) {}

 private:
  Object allocate() override {
    const uint64_t top = uint64_t{1} << prng().between(0, 16);
    const uint64_t bytes = prng().chance(1, 1024) ? 0 : prng().between(top / 2 + 1, top);
    const bool zeroed = prng().chance(1, 4);
    void* object =
        memory_.kmalloc(bytes, zeroed ? mm::kGfpKernel | mm::kGfpFlagZero : mm::kGfpKernel);
    if (object == nullptr) return {};
    Object result{.address = static_cast<std::byte*>(object), .bytes = bytes};
    if (zeroed) check_zeroed(result);
    return result;
  }

  void check_zeroed(const Object& object) {
    for (size_t i = 0; i < object.bytes; ++i) {
      // The analyzer knows malloc, not __GFP_ZERO.
      if (object.address[i] != std::byte{0}) {  // NOLINT(clang-analyzer-core.*)
        stats().error("kmalloc with __GFP_ZERO returned memory that is not zero");
        return;
      }
    }
  }

  void release(const Object& object) override { memory_.kfree(object.address); }

  mm::Memory& memory_;
};

}  // namespace

std::unique_ptr<Workload> make_kmalloc_workload(Machine& machine, const StressOptions& options,
                                                size_t budget_bytes) {
  return std::make_unique<ObjectWorkload<KmallocWorker, KmallocContext>>(
      machine.lockdep(),
      KmallocContext{machine.memory(), budget_bytes,
                     options.verify ? PatternDepth::kWhole : PatternDepth::kEnds});
}

}  // namespace ring3::harness
