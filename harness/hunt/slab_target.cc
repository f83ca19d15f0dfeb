// Object caches and kmalloc: objects that are allocated, handed over and freed while slabs are
// given back.

#include <array>

#include "harness/hunt/all_targets.h"
#include "harness/hunt/cpu_interrupts.h"
#include "harness/hunt/hand_over.h"
#include "harness/hunt/ownership.h"
#include "mm/mm.h"

namespace ring3::harness {
namespace {

constexpr uint32_t kSlots = 3;
constexpr std::array<size_t, 3> kSizes{64, 2048, 9000};  // of kmalloc; the last is whole pages

enum Kind : uint32_t { kAlloc, kKmalloc, kFree, kSwap, kShrink, kIrq, kChild, kFreeShared };
constexpr OpInfo kOps[] = {{"alloc", 1, {kSlots}},  {"kmalloc", 2, {kSlots, kSizes.size()}},
                           {"free", 1, {kSlots}},   {"swap", 1, {kSlots}},
                           {"shrink", 0, {}},       {"irq", 1, {3}},
                           {"child", 1, {kShared}}, {"free_shared", 1, {kShared}}};
// Freeing what another frees too is a mistake, for scenarios that expect it.
constexpr uint32_t kWeights[] = {6, 3, 7, 3, 2, 1, 1, 0};

constexpr std::string_view kNamed[] = {
    // A new slab against a shrink.
    "cpus 2\ntask 0\nalloc 0\nfree 0\nalloc 0\ntask 1\nshrink\nshrink\n",
    // A slab that is given up against one who takes from it: the only one of its cache, and free
    // when the first task has freed its object.
    "cpus 2\ntask 0\nkmalloc 0 1\nfree 0\nshrink\ntask 1\nkmalloc 0 1\nfree 0\n",
    // Racing double frees: of an object, and of a large one.
    "cpus 2\ntask 0\nfree_shared 0\ntask 1\nfree_shared 0\n",
    "cpus 2\ntask 0\nfree_shared 1\ntask 1\nfree_shared 1\n",
    // An interrupt allocates and frees in the middle of a new slab.
    "cpus 1\ntask 0\nirq 0\nalloc 0\nfree 0\ntask 0\nalloc 0\nirq 0\nshrink\n",
    // A thread dies, and others free what it has left.
    "cpus 2\ntask 0\nchild 0\nalloc 0\nfree 0\ntask 1\nswap 0\nfree 0\nshrink\n",
    // What one allocates another frees.
    "cpus 2\ntask 0\nalloc 0\nswap 0\nalloc 0\ntask 1\nswap 0\nfree 0\nalloc 1\n",
    "cpus 2\ntask 0\nkmalloc 0 2\nfree 0\ntask 1\nkmalloc 0 2\nfree 0\n",
};

constexpr size_t kArenaBytes = mm::kArenaGranule;
constexpr size_t kObjectBytes = 1024;  // four to a slab, so that slabs come and go
constexpr uint64_t kUnitBytes = 64;

class SlabTarget final : public Target {
 public:
  SlabTarget(World& world, const Scenario& scenario)
      : topology_(std::move(Topology::simulated(scenario.cpus, 1).value())),
        memory_(std::move(mm::Memory::create({.size_bytes = kArenaBytes,
                                              .lockdep = nullptr,
                                              .reports = &trap_,
                                              .topology = &topology_})
                              .value())),
        cache_(memory_->create_cache({.name = "hunted", .object_size = kObjectBytes}).value()),
        irqs_(world, scenario.cpus, [&] { free(world, allocate(world, mm::kGfpAtomic)); }),
        held_(scenario.tasks.size()),
        shared_{cache_->alloc(mm::kGfpKernel), memory_->kmalloc(kSizes.back(), mm::kGfpKernel)} {}

  void run(World& world, uint32_t task, const Op& op) override {
    Object& slot = held_[task][op.numbers[0] % kSlots];
    switch (op.kind) {
      case kAlloc:
        if (slot.address == nullptr) {
          slot = allocate(world, mm::kGfpKernel);
        }
        break;
      case kKmalloc:
        if (slot.address == nullptr) {
          const size_t bytes = kSizes[op.numbers[1]];
          slot = got(world, {.address = memory_->kmalloc(bytes, mm::kGfpKernel), .bytes = bytes});
        }
        break;
      case kFree:
        free(world, std::exchange(slot, {}));
        break;
      case kSwap:
        boxes_.swap(slot, op.numbers[0]);
        break;
      case kShrink:
        memory_->slabs().shrink_all();
        break;
      case kIrq:
        irqs_.raise(op.numbers[0]);
        break;
      case kChild:
        world.spawn("child", op.numbers[0] % topology_.cpu_ids(),
                    [this, &world, box = op.numbers[0]] { live_and_die(world, box); });
        break;
      case kFreeShared:
        free_shared(op.numbers[0]);
        break;
    }
  }

  void finish(World& world) override {
    for (auto& slots : held_) {
      for (Object& slot : slots) free(world, std::exchange(slot, {}));
    }
    for (uint32_t i = 0; i < kShared; ++i) {
      Object left;
      boxes_.swap(left, i);
      free(world, left);
      if (!shared_frees_.any(i)) free_shared(i);
    }
    shared_frees_.check(world, trap_);
    if (memory_->count_faults() != 0) world.fail("slabs or free lists are broken");
    if (memory_->slabs().active_objects() != 0) world.fail("objects are counted wrongly");
    if (!memory_->close().none()) world.fail("memory is lost");
  }

 private:
  struct Object {
    void* address = nullptr;
    size_t bytes = 0;
    uint64_t first() const { return reinterpret_cast<uintptr_t>(address) / kUnitBytes; }
    uint64_t units() const { return bytes / kUnitBytes; }
  };

  Object allocate(World& world, mm::Gfp gfp) {
    return got(world, {.address = cache_->alloc(gfp), .bytes = kObjectBytes});
  }
  // Leaves an object in a box, and frees what was there.
  void live_and_die(World& world, uint32_t box) {
    Object object = allocate(world, mm::kGfpKernel);
    boxes_.swap(object, box);
    free(world, object);
  }
  Object got(World& world, const Object& object) {
    if (object.address == nullptr) world.fail("an allocation failed though memory is free");
    owners_.got(world, object.first(), object.units());
    return object;
  }
  void free(World& world, const Object& object) {
    if (object.address == nullptr) return;
    owners_.gives(world, object.first(), object.units());
    memory_->kfree(object.address);
  }
  void free_shared(uint32_t number) {
    shared_frees_.add(number);
    memory_->kfree(shared_[number]);
  }

  const Topology topology_;
  ReportTrap trap_;
  const std::unique_ptr<mm::Memory> memory_;
  mm::KmemCache* const cache_;
  CpuInterrupts irqs_;
  std::vector<std::array<Object, kSlots>> held_;  // of each task
  Mailboxes<Object> boxes_;
  std::array<void*, kShared> shared_;
  SharedFrees shared_frees_;
  Ownership owners_;
};

}  // namespace

constinit const TargetInfo kSlabTarget{
    .name = "slab",
    .about = "object caches and kmalloc: new slabs, shrinks, remote and racing frees",
    .ops = kOps,
    .weights = kWeights,
    .named = kNamed,
    .make = [](World& world, const Scenario& scenario) -> std::unique_ptr<Target> {
      return std::make_unique<SlabTarget>(world, scenario);
    }};

}  // namespace ring3::harness
