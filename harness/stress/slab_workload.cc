// Objects of five caches of the kernel's sizes and names, one of them with a constructor, whose
// objects must come back in the state in which they were freed.

#include <array>
#include <cstring>

#include "harness/stress/mm_workloads.h"
#include "harness/stress/object_workload.h"

namespace ring3::harness {
namespace {

struct CacheKind {
  const char* name;
  size_t bytes;
  mm::CacheAlign how;
  bool constructed;
};
constexpr std::array<CacheKind, 5> kKinds{{
    {"maple_node", 256, mm::CacheAlign::kHwcache, false},
    {"filp", 184, mm::CacheAlign::kHwcache, false},
    {"anon_vma_chain", 64, mm::CacheAlign::kNatural, false},
    {"names_cache", 4096, mm::CacheAlign::kHwcache, false},
    {"inode_cache", 640, mm::CacheAlign::kHwcache, true},
}};

// The constructed state: every byte of the object. What a use after free writes is seen by the
// next allocation.
constexpr std::byte kConstructed{0xc5};
constexpr size_t kConstructedBytes = 640;
void construct(void* object) {
  std::memset(object, static_cast<int>(kConstructed), kConstructedBytes);
}
bool is_constructed(const std::byte* object) {
  return object[0] == kConstructed && std::memcmp(object, object + 1, kConstructedBytes - 1) == 0;
}

struct SlabContext {
  std::array<mm::KmemCache*, kKinds.size()> caches;
  size_t budget_bytes;
  PatternDepth depth;
  bool write_after_free;
};

class SlabWorker final : public ObjectWorker {
 public:
  SlabWorker(const SlabContext& context, Prng prng, WorkerStats& stats, TransferArray& transfer)
      : ObjectWorker(prng, stats, transfer,
                     {.objects = 4096, .bytes = context.budget_bytes, .depth = context.depth}),
        context_(context) {}

 private:
  Object allocate() override {
    const auto kind = static_cast<uint32_t>(prng().below(kKinds.size()));
    auto* object = static_cast<std::byte*>(context_.caches[kind]->alloc(mm::kGfpKernel));
    if (object == nullptr) return {};
    if (kKinds[kind].constructed && !is_constructed(object)) {
      stats().error("a constructed object came back in another state than it was freed in");
    }
    return {.address = object, .bytes = kKinds[kind].bytes, .kind = kind};
  }

  void release(const Object& object) override {
    const bool constructed = kKinds[object.kind].constructed;
    if (constructed) construct(object.address);
    context_.caches[object.kind]->free(object.address);
    if (constructed && context_.write_after_free) {
      // The planted bug.
      object.address[kConstructedBytes / 2] = std::byte{0x42};  // NOLINT(clang-analyzer-unix.*)
    }
  }

  const SlabContext context_;
};

}  // namespace

std::unique_ptr<Workload> make_slab_workload(Machine& machine, const StressOptions& options,
                                             size_t budget_bytes) {
  SlabContext context{.caches = {},
                      .budget_bytes = budget_bytes,
                      .depth = options.verify ? PatternDepth::kWhole : PatternDepth::kEnds,
                      .write_after_free = options.canary == Canary::kWriteAfterFree};
  for (size_t i = 0; i < kKinds.size(); ++i) {
    context.caches[i] = machine.memory()
                            .create_cache({.name = kKinds[i].name,
                                           .object_size = kKinds[i].bytes,
                                           .align = 0,
                                           .how = kKinds[i].how,
                                           .ctor = kKinds[i].constructed ? construct : nullptr})
                            .value();
  }
  return std::make_unique<ObjectWorkload<SlabWorker, SlabContext>>(machine.lockdep(), context);
}

}  // namespace ring3::harness
