#pragma once

// What ring3's page allocator is measured beside: the least that any allocator does, and a model of
// what the kernel's does. Both hand out numbers of frames of an arena that nobody touches.

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/cpu/raw_spinlock.h"
#include "mm/pages/pages.h"

namespace ring3::bench {

using Frame = uint32_t;
inline constexpr Frame kNoFrame = UINT32_MAX;

// As large as the kernel's struct page.
struct alignas(64) Descriptor {
  uint8_t state = 0;  // 0: in use, or inside a block; order + 1: free
  Frame next = kNoFrame;
  Frame prev = kNoFrame;
};

// An array of a thread's own, from which a frame is popped, and its descriptor touched.
class Floor {
 public:
  static constexpr std::string_view kName = "floor";

  Floor(uint64_t frames, unsigned threads, unsigned order)
      : descriptors_(frames), stacks_(threads) {
    const uint64_t share = (frames >> order) / threads;
    for (unsigned thread = 0; thread < threads; ++thread) {
      for (uint64_t i = share; i > 0; --i) {
        stacks_[thread].frames.push_back(static_cast<Frame>((thread * share + i - 1) << order));
      }
    }
  }
  Frame alloc(unsigned thread, unsigned order) {
    std::vector<Frame>& frames = stacks_[thread].frames;
    if (frames.empty()) return kNoFrame;
    const Frame frame = frames.back();
    frames.pop_back();
    descriptors_[frame].state = static_cast<uint8_t>(order + 1);
    return frame;
  }
  void free(unsigned thread, Frame frame, unsigned /*order*/) {
    descriptors_[frame].state = 0;
    stacks_[thread].frames.push_back(frame);
  }

 private:
  struct alignas(64) Stack {
    std::vector<Frame> frames;
  };
  std::vector<Descriptor> descriptors_;
  std::vector<Stack> stacks_;
};

// The core of the kernel's (6.12): free lists by order through the descriptors, under one lock of
// the zone; in front of it, per-CPU lists of orders 0 to 3 and 9, each CPU's under a lock of its
// own, whose length tunes itself. Without flags, marks, types, checks and counters. One thread
// stands for a CPU.
class KernelModel {
 public:
  static constexpr std::string_view kName = "model";

  KernelModel(uint64_t frames, unsigned threads, unsigned /*order*/)
      : frames_(frames), descriptors_(frames), cpus_(threads) {
    // What 1 MiB and a 1024th of the zone make of it: section 1b of the facts, P3 and P4.
    const uint64_t quarter = std::max<uint64_t>(std::min<uint64_t>(frames / 1024, 256) / 4, 1);
    batch_ = std::max<uint64_t>(std::bit_floor(quarter + quarter / 2) - 1, 1);
    least_high_ = 4 * batch_;
    most_high_ = std::max(frames / 8 / threads, least_high_);
    for (Cpu& cpu : cpus_) cpu.high = least_high_;
    for (uint64_t frame = frames; frame > 0; frame -= 1024) {
      put(static_cast<Frame>(frame - 1024), mm::Order::kMax);
    }
  }

  Frame alloc(unsigned thread, unsigned order) {
    Cpu& cpu = cpus_[thread];
    if (!has_list(order) || !cpu.lock.try_lock()) {
      RawSpinlockGuard guard(lock_);
      return take(order);
    }
    List& list = cpu.lists[list_of(order)];
    cpu.free_count /= 2;
    if (list.head == kNoFrame) refill(cpu, list, order);
    const Frame frame = list.head;
    if (frame != kNoFrame) {
      list.head = descriptors_[frame].next;
      cpu.count -= uint64_t{1} << order;
      descriptors_[frame].state = 0;
    }
    cpu.lock.unlock();
    return frame;
  }

  void free(unsigned thread, Frame frame, unsigned order) {
    Cpu& cpu = cpus_[thread];
    if (!has_list(order) || !cpu.lock.try_lock()) {
      RawSpinlockGuard guard(lock_);
      merge(frame, order);
      return;
    }
    List& list = cpu.lists[list_of(order)];
    descriptors_[frame].next = list.head;
    list.head = frame;
    cpu.count += uint64_t{1} << order;
    cpu.refills /= 2;
    cpu.free_count = std::min(cpu.free_count + (uint64_t{1} << order), batch_ << 5);
    if (cpu.count >= cpu.high) flush(cpu);
    cpu.lock.unlock();
  }

 private:
  static constexpr unsigned kLists = 5;
  struct List {
    Frame head = kNoFrame;
  };
  struct alignas(64) Cpu {
    RawSpinlock lock;
    uint64_t count = 0;  // pages in the lists
    uint64_t high = 0;
    uint64_t free_count = 0;
    unsigned refills = 0;  // without a free between
    std::array<List, kLists> lists;
  };

  static bool has_list(unsigned order) { return order <= 3 || order == 9; }
  static unsigned list_of(unsigned order) { return order == 9 ? 4 : order; }
  static unsigned order_of(unsigned list) { return list == 4 ? 9 : list; }

  void refill(Cpu& cpu, List& list, unsigned order) {
    uint64_t pages = batch_ << std::min(cpu.refills, 5u);
    if (cpu.refills < 5) ++cpu.refills;
    cpu.high = std::min(cpu.high + batch_, most_high_);
    pages = std::min(pages, std::max(cpu.high - std::min(cpu.high, cpu.count + batch_), batch_));
    const uint64_t blocks = std::max<uint64_t>(pages >> order, 2);
    RawSpinlockGuard guard(lock_);
    Frame* end = &list.head;
    for (uint64_t i = 0; i < blocks; ++i) {
      const Frame frame = take(order);
      if (frame == kNoFrame) break;
      *end = frame;
      end = &descriptors_[frame].next;
      cpu.count += uint64_t{1} << order;
    }
    *end = kNoFrame;
  }

  void flush(Cpu& cpu) {
    cpu.high = std::min(std::max(cpu.high, cpu.free_count + batch_), most_high_);
    if (cpu.count < cpu.high) return;
    uint64_t pages = std::clamp(cpu.free_count, batch_, cpu.high - batch_);
    RawSpinlockGuard guard(lock_);
    for (unsigned index = kLists; index > 0 && pages != 0; --index) {
      List& list = cpu.lists[index - 1];
      const uint64_t block = uint64_t{1} << order_of(index - 1);
      while (list.head != kNoFrame && pages != 0) {
        const Frame frame = list.head;
        list.head = descriptors_[frame].next;
        cpu.count -= block;
        pages -= std::min(pages, block);
        merge(frame, order_of(index - 1));
      }
    }
  }

  // ---- The zone, under its lock. ----

  void put(Frame frame, unsigned order) {
    Descriptor& page = descriptors_[frame];
    page.state = static_cast<uint8_t>(order + 1);
    page.prev = kNoFrame;
    page.next = free_[order];
    if (page.next != kNoFrame) descriptors_[page.next].prev = frame;
    free_[order] = frame;
  }
  void remove(Frame frame, unsigned order) {
    Descriptor& page = descriptors_[frame];
    (page.prev == kNoFrame ? free_[order] : descriptors_[page.prev].next) = page.next;
    if (page.next != kNoFrame) descriptors_[page.next].prev = page.prev;
    page.state = 0;
  }
  Frame take(unsigned order) {
    unsigned found = order;
    while (found < mm::kOrders && free_[found] == kNoFrame) ++found;
    if (found == mm::kOrders) return kNoFrame;
    const Frame frame = free_[found];
    remove(frame, found);
    while (found > order) {
      --found;
      put(frame + (Frame{1} << found), found);
    }
    return frame;
  }
  void merge(Frame frame, unsigned order) {
    while (order < mm::Order::kMax) {
      const Frame buddy = frame ^ (Frame{1} << order);
      if (buddy >= frames_ || descriptors_[buddy].state != order + 1) break;
      remove(buddy, order);
      frame &= buddy;
      ++order;
    }
    put(frame, order);
  }

  const uint64_t frames_;
  std::vector<Descriptor> descriptors_;
  std::vector<Cpu> cpus_;
  uint64_t batch_;
  uint64_t least_high_;
  uint64_t most_high_;
  RawSpinlock lock_;
  std::array<Frame, mm::kOrders> free_ = [] {
    std::array<Frame, mm::kOrders> empty;
    empty.fill(kNoFrame);
    return empty;
  }();
};

// ring3's page allocator, for movable pages of user space, which may be of any zone.
template <const mm::PagePolicy& policy>
class Ring3Pages {
 public:
  Ring3Pages(uint64_t frames, unsigned /*threads*/, unsigned /*order*/)
      : pages_(std::move(
            mm::PageAllocator::create({.size_bytes = frames * mm::kPageSize, .policy = &policy})
                .value())) {}

  Frame alloc(unsigned /*thread*/, unsigned order) {
    const mm::Page* page =
        pages_->alloc_pages(mm::kGfpHighuserMovable | mm::kGfpFlagNowarn, mm::Order(order));
    return page == nullptr ? kNoFrame : static_cast<Frame>(pages_->pfn_of(page).value());
  }
  void free(unsigned /*thread*/, Frame frame, unsigned order) {
    pages_->free_pages(&pages_->memmap().page(mm::Pfn(frame)), mm::Order(order));
  }

 private:
  std::unique_ptr<mm::PageAllocator> pages_;
};

}  // namespace ring3::bench
