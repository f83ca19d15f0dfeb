#include "harness/heap/random_program.h"

#include <algorithm>
#include <vector>

#include "lib/prng.h"

namespace ring3::harness {
namespace {

constexpr uint64_t kCalls = 20'000;

class RandomProgram {
 public:
  explicit RandomProgram(uint64_t seed) : prng_(seed) {}

  HeapProgram make() {
    program_.uses_blocks = true;
    while (program_.calls.size() < kCalls) {
      // A phase grows to so many blocks, or shrinks to so few.
      const uint64_t goal = prng_.below(2'000);
      const bool grows = goal > live_.size();
      for (uint64_t step = 0; step < 2'000 && grows == (goal > live_.size()); ++step) {
        const bool takes = prng_.chance(grows ? 7 : 3, 10);
        takes ? allocate() : prng_.chance(1, 8) ? reallocate() : release();
      }
    }
    return std::move(program_);
  }

 private:
  // Each size class up to 16 KiB half as likely as the one below.
  size_t size() {
    size_t limit = 32;
    while (limit < 16'384 && prng_.chance(1, 2)) limit *= 2;
    return 1 + prng_.below(limit);
  }
  void allocate() {
    const uint32_t slot = variables_.take();
    live_.push_back(slot);
    HeapCall call{.kind = HeapCallKind::kMalloc, .to = slot, .bytes = size()};
    if (prng_.chance(1, 20)) {
      call.kind = HeapCallKind::kCalloc;
      call.extra = 1 + prng_.below(8);
      call.bytes = call.bytes / call.extra;
    } else if (prng_.chance(1, 50)) {
      call.kind = HeapCallKind::kAlignedAlloc;
      call.extra = size_t{32} << prng_.below(6);
    }
    add(call);
  }
  // The young die first, mostly.
  size_t any() {
    const size_t among = prng_.chance(1, 2) ? std::min<size_t>(live_.size(), 16) : live_.size();
    return live_.size() - 1 - prng_.below(among);
  }
  void release() {
    if (live_.empty()) return;
    const size_t index = any();
    add({.kind = HeapCallKind::kFree, .from = live_[index]});
    variables_.give_back(live_[index]);
    live_.erase(live_.begin() + static_cast<ptrdiff_t>(index));
  }
  void reallocate() {
    if (live_.empty()) return;
    const uint32_t slot = live_[any()];
    add({.kind = HeapCallKind::kRealloc, .to = slot, .from = slot, .bytes = size()});
  }
  void add(HeapCall call) {
    call.line = program_.calls.size() + 1;
    program_.calls.push_back(call);
  }

  Prng prng_;
  HeapProgram program_;
  VariablePool variables_{program_.variables, 'p'};
  std::vector<uint32_t> live_;  // variables, in the order of their blocks' making
};

}  // namespace

HeapProgram random_heap_program(uint64_t seed) { return RandomProgram(seed).make(); }

}  // namespace ring3::harness
