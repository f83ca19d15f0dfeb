#include "mm/pages/free_region.h"

#include <algorithm>
#include <utility>

namespace ring3::mm {
namespace {

constexpr lockdep::LockClassKey kZoneLockKey{"zone->lock"};

}  // namespace

FreeRegion::FreeRegion(lockdep::Lockdep* lockdep, PfnRange frames, std::span<const PfnRange> free,
                       std::unique_ptr<FreeBlocks> blocks)
    : lock_(lockdep, kZoneLockKey), blocks_(std::move(blocks)) {
  lockdep::SpinlockGuard guard(lock_);
  for (const PfnRange& range : free) {
    const Pfn start = std::max(range.start, frames.start);
    const Pfn end = std::min(range.end, frames.end);
    if (start < end) blocks_->add_free_range(start, end);
  }
  publish_locked();
}

void FreeRegion::publish_locked() {
  free_pages_racy_.store(blocks_->free_pages().value(), std::memory_order_relaxed);
  orders_racy_.store(blocks_->orders(), std::memory_order_relaxed);
}

bool FreeRegion::enter(bool may_wait) {
  if (!may_wait) return lock_.try_lock();
  lock_.lock();
  return true;
}

size_t FreeRegion::take(Order order, Migratetype type, Reach reach, std::span<Frame> heads,
                        bool may_wait) {
  if (!enter(may_wait)) return 0;
  const size_t count = blocks_->take(order, type, reach, heads);
  publish_locked();
  lock_.unlock();
  return count;
}

// What has no ticket, or is free already, is put behind the others.
size_t FreeRegion::put(const Memmap& memmap, Order order, std::span<Frame> heads) {
  lockdep::SpinlockGuard guard(lock_);
  size_t count = heads.size();
  for (size_t i = 0; i < count;) {
    if (memmap.use_ticket(Pfn(heads[i]), order, {})) [[likely]] {
      ++i;
    } else {
      std::swap(heads[i], heads[--count]);
    }
  }
  count = blocks_->put(order, heads.first(count));
  publish_locked();
  return count;
}

PageCount FreeRegion::free_pages() const {
  lockdep::SpinlockGuard guard(lock_);
  return blocks_->free_pages();
}

std::array<uint64_t, kOrders> FreeRegion::free_blocks() const {
  lockdep::SpinlockGuard guard(lock_);
  return blocks_->free_blocks();
}

FreeBlocks::TypedBlocks FreeRegion::free_blocks_by_type() const {
  lockdep::SpinlockGuard guard(lock_);
  return blocks_->free_blocks_by_type();
}

size_t FreeRegion::count_faults() const {
  lockdep::SpinlockGuard guard(lock_);
  return blocks_->count_faults();
}

}  // namespace ring3::mm
