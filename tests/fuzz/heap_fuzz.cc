// Bytes as calls of a heap, right ones and wrong ones, under a policy that the first byte names.
// Blocks carry a byte that must still be there when they are freed; a wrong call must be reported
// exactly once; the heap is checked after each call.

#include <cstdint>
#include <cstring>
#include <variant>
#include <vector>

#include "lib/check.h"
#include "mm/mm.h"

using namespace ring3;
using namespace ring3::mm;

namespace {

struct Silence final : ReportSink {
  void report(std::string_view) override {}
};

struct Malloc {
  size_t bytes;
};
struct Calloc {
  size_t bytes;
};
struct AlignedAlloc {
  size_t alignment;
  size_t bytes;
};
struct Realloc {
  size_t which;
  size_t bytes;
};
struct Free {
  size_t which;
};
struct FreeTwice {
  size_t which;
};
struct FreeInside {
  size_t which;
};
struct OverwriteHeader {
  size_t which;
  uint8_t byte;
};
struct Trim {
  size_t keep;
};
struct TakeFromBreak {
  size_t bytes;
};
using Operation = std::variant<Malloc, Calloc, AlignedAlloc, Realloc, Free, FreeTwice, FreeInside,
                               OverwriteHeader, Trim, TakeFromBreak>;

Operation decode(uint8_t code, uint8_t argument) {
  const size_t square = size_t{argument} * argument / 3;  // to 21 KiB
  switch (code % 16) {
    case 0:
    case 1:
    case 2:
      return Malloc{argument};
    case 3:
      return Malloc{square};
    case 4:
      return Calloc{square / 8};
    case 5:
      return AlignedAlloc{size_t{1} << (code / 16), argument};
    case 6:
    case 7:
      return Realloc{argument, square / (1 + code / 16)};
    case 8:
    case 9:
    case 10:
    case 11:
      return Free{argument};
    case 12:
      return FreeTwice{argument};
    case 13:
      return FreeInside{argument};
    case 14:
      return OverwriteHeader{argument, static_cast<uint8_t>(code / 16)};
    default:
      return code / 16 == 0 ? Operation(TakeFromBreak{argument}) : Operation(Trim{square});
  }
}

class Session {
 public:
  explicit Session(uint8_t choice)
      : pages_(std::move(PageAllocator::create({.size_bytes = kArenaGranule,
                                                .reports = &sink_,
                                                .failures = nullptr,
                                                .mappable = true})
                             .value())),
        window_(std::move(WindowBreak::create(*pages_, kLimit).value())),
        heap_(std::move(Heap::create(*window_, {.policy = &kAllFitPolicies[choice % kFitPolicies],
                                                .coalescing = choice / kFitPolicies % 2 == 0
                                                                  ? Coalescing::kDeferred
                                                                  : Coalescing::kImmediate,
                                                .reports = &sink_})
                            .value())) {}

  void perform(const Operation& operation) {
    std::visit([this](const auto& op) { apply(op); }, operation);
    CHECK_EQ(heap_->mistakes(), expected_mistakes_);
    const std::string wrong = heap_->check();
    if (!wrong.empty()) panic("%s", wrong.c_str());
  }
  void finish() {
    while (!live_.empty()) perform(Free{0});
    CHECK_EQ(heap_->usage().asked_bytes, 0u);
    CHECK_EQ(heap_->usage().overhead_bytes(), 0u);
    heap_.reset();
    window_.reset();
    pages_->drain_all();
    CHECK_EQ(pages_->allocated_pages().value(), 0u);
  }

 private:
  static constexpr size_t kLimit = size_t{256} << 10;

  struct Live {
    unsigned char* data;
    size_t bytes;
    unsigned char mark;
  };

  void add(void* data, size_t bytes) {
    if (data == nullptr) return;
    CHECK_GE(heap_->usable_size(data), bytes);
    CHECK(bytes == 0 || window_->touch(data, bytes) <= Touch::kMinorFault);
    live_.push_back({static_cast<unsigned char*>(data), bytes, ++last_mark_});
    std::memset(data, last_mark_, bytes);
  }
  static void verify(const Live& block, size_t bytes) {
    for (size_t i = 0; i < bytes; ++i) CHECK_EQ(block.data[i], block.mark);
  }
  Live take(size_t which) {
    std::swap(live_[which % live_.size()], live_.back());
    const Live block = live_.back();
    live_.pop_back();
    verify(block, block.bytes);
    return block;
  }

  void apply(const Malloc& op) { add(heap_->malloc(op.bytes), op.bytes); }
  void apply(const Calloc& op) {
    auto* data = static_cast<unsigned char*>(heap_->calloc(op.bytes, 3));
    if (data != nullptr) verify({data, 3 * op.bytes, 0}, 3 * op.bytes);
    add(data, 3 * op.bytes);
  }
  void apply(const AlignedAlloc& op) {
    void* data = heap_->aligned_alloc(op.alignment, op.bytes);
    CHECK_EQ(reinterpret_cast<uintptr_t>(data) % op.alignment, 0u);
    add(data, op.bytes);
  }
  void apply(const Realloc& op) {
    if (live_.empty()) return;
    const Live block = take(op.which);
    void* moved = heap_->realloc(block.data, op.bytes);
    if (moved == nullptr) {
      if (op.bytes != 0) live_.push_back(block);
      return;
    }
    verify({static_cast<unsigned char*>(moved), op.bytes, block.mark},
           std::min(block.bytes, op.bytes));
    add(moved, op.bytes);
  }
  void apply(const Free& op) {
    if (!live_.empty()) heap_->free(take(op.which).data);
  }
  void apply(const FreeTwice& op) {
    if (live_.empty()) return;
    const Live block = take(op.which);
    heap_->free(block.data);
    ++expected_mistakes_;
    heap_->free(block.data);
  }
  void apply(const FreeInside& op) {
    if (live_.empty()) return;
    ++expected_mistakes_;
    heap_->free(live_[op.which % live_.size()].data + 1 + op.which % 40);
  }
  // Of any block, in use or free. Whoever meets it next finds it, and sets it right.
  void apply(const OverwriteHeader& op) {
    const size_t blocks = heap_->usage().blocks;
    if (blocks == 0) return;
    Block* block = heap_->first_block();
    for (size_t i = op.which % blocks; i > 0; --i) block = heap_->block_after(block);
    auto* header = reinterpret_cast<unsigned char*>(block);
    header[op.byte % sizeof(Block)] ^= 1 + op.which % 255;
    ++expected_mistakes_;
    for (Block* any = heap_->first_block(); any != nullptr;) any = heap_->block_after(any);
  }
  void apply(const Trim& op) { heap_->trim(op.keep); }
  void apply(const TakeFromBreak& op) {
    void* taken = window_->sbrk(static_cast<intptr_t>(op.bytes));
    if (taken != Break::kSbrkFailed && op.bytes != 0) {
      CHECK(window_->touch(taken, op.bytes) <= Touch::kMinorFault);
      std::memset(taken, 0xee, op.bytes);
    }
  }

  Silence sink_;
  std::unique_ptr<PageAllocator> pages_;
  std::unique_ptr<WindowBreak> window_;
  std::unique_ptr<Heap> heap_;
  std::vector<Live> live_;
  unsigned char last_mark_ = 0;
  uint64_t expected_mistakes_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  Session session(data[0]);
  for (size_t i = 1; i + 1 < size; i += 2) session.perform(decode(data[i], data[i + 1]));
  session.finish();
  return 0;
}
