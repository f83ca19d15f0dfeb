// Bytes as calls of two caches and kmalloc, right ones and wrong ones. Objects carry a byte that
// must still be there when they are freed; a wrong call must be reported exactly once.

#include <cstdint>
#include <cstring>
#include <thread>
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

struct CacheAlloc {
  size_t which;
};
struct Kmalloc {
  size_t bytes;
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
struct FreeInside {
  size_t which;
};
struct FreeElsewhere {
  size_t which;
};
struct Shrink {};
using Operation = std::variant<CacheAlloc, Kmalloc, Free, FreeTwice, FreeAtOnce, FreeInside,
                               FreeElsewhere, Shrink>;

Operation decode(uint8_t code, uint8_t argument) {
  switch (code % 10) {
    case 0:
    case 1:
      return CacheAlloc{argument};
    case 2:
    case 3:
      return Kmalloc{size_t{argument} * argument / 3};  // to 21 KiB
    case 4:
    case 5:
    case 6:
      return Free{argument};
    case 7:
      return argument % 16 == 0 ? Operation(FreeAtOnce{argument}) : Operation(FreeTwice{argument});
    case 8:
      return argument % 2 == 0 ? Operation(FreeInside{argument})
                               : Operation(FreeElsewhere{argument});
    default:
      return Shrink{};
  }
}

class Session {
 public:
  Session()
      : memory_(std::move(
            Memory::create({.size_bytes = size_t{16} << 20, .reports = &sink_, .failures = nullptr})
                .value())) {
    for (const size_t size : {40, 1000}) {
      caches_.push_back(memory_
                            ->create_cache({.name = "cache-" + std::to_string(size),
                                            .object_size = size,
                                            .align = 0,
                                            .how = CacheAlign::kNatural,
                                            .ctor = nullptr})
                            .value());
    }
  }

  void perform(const Operation& operation) {
    std::visit([this](const auto& op) { apply(op); }, operation);
    CHECK_EQ(memory_->misuses(), expected_misuses_);
  }
  void check() { CHECK_EQ(memory_->count_faults(), 0u); }
  void finish() {
    while (!live_.empty()) apply(Free{0});
    check();
    CHECK(memory_->close().none());
  }

 private:
  struct Object {
    unsigned char* start;
    size_t bytes;
    KmemCache* cache;  // null: of kmalloc
    unsigned char mark;
  };

  void add(void* start, size_t bytes, KmemCache* cache) {
    if (start == nullptr) return;
    Object object{static_cast<unsigned char*>(start), bytes, cache, ++last_mark_};
    std::memset(start, object.mark, bytes);
    live_.push_back(object);
  }
  void apply(const CacheAlloc& op) {
    KmemCache* cache = caches_[op.which % caches_.size()];
    add(cache->alloc(), cache->layout().object_size, cache);
  }
  void apply(const Kmalloc& op) {
    void* start = memory_->kmalloc(op.bytes, kGfpKernel);
    if (op.bytes == 0) {
      memory_->kfree(start);
    } else {
      add(start, op.bytes, nullptr);
    }
  }
  void free(const Object& object) {
    object.cache != nullptr ? object.cache->free(object.start) : memory_->kfree(object.start);
  }
  void apply(const Free& op) {
    if (live_.empty()) return;
    std::swap(live_[op.which % live_.size()], live_.back());
    freed_ = live_.back();
    for (size_t i = 0; i < freed_.bytes; ++i) CHECK_EQ(freed_.start[i], freed_.mark);
    free(freed_);
    live_.pop_back();
  }
  void apply(const FreeTwice& op) {
    if (live_.empty()) return;
    apply(Free{op.which});
    ++expected_misuses_;
    free(freed_);
  }
  // By two threads: whoever comes first, one of them is wrong.
  void apply(const FreeAtOnce& op) {
    if (live_.empty()) return;
    std::swap(live_[op.which % live_.size()], live_.back());
    const Object object = live_.back();
    live_.pop_back();
    ++expected_misuses_;
    std::thread other([&] { free(object); });
    free(object);
    other.join();
  }
  void apply(const FreeInside& op) {
    if (live_.empty()) return;
    Object inside = live_[op.which % live_.size()];
    inside.start += 1;
    ++expected_misuses_;
    free(inside);
  }
  // Into a cache that is not its own.
  void apply(const FreeElsewhere& op) {
    if (live_.empty()) return;
    const Object& object = live_[op.which % live_.size()];
    ++expected_misuses_;
    caches_[object.cache == caches_[0] ? 1 : 0]->free(object.start);
  }
  void apply(const Shrink&) { memory_->slabs().shrink_all(); }

  Silence sink_;
  std::unique_ptr<Memory> memory_;
  std::vector<KmemCache*> caches_;
  std::vector<Object> live_;
  Object freed_{};
  unsigned char last_mark_ = 0;
  uint64_t expected_misuses_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Session session;
  for (size_t i = 0; i + 1 < size; i += 2) {
    session.perform(decode(data[i], data[i + 1]));
    if (i % 32 == 0) session.check();
  }
  session.finish();
  return 0;
}
