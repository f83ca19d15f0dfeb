#include "harness/stress/transfer_array.h"

#include <iterator>
#include <utility>

namespace ring3::harness {
namespace {

constexpr lockdep::LockClassKey kSlotKey{"transfer->slot"};
constexpr lockdep::LockClassKey kOrphansKey{"transfer->orphans"};

}  // namespace

TransferArray::Slot::Slot(lockdep::Lockdep& lockdep) : lock(&lockdep, kSlotKey) {}

TransferArray::TransferArray(lockdep::Lockdep& lockdep) : orphans_lock_(&lockdep, kOrphansKey) {
  for (size_t i = 0; i < kSlots; ++i) slots_.emplace_back(lockdep);
}

Object TransferArray::exchange(Prng& prng, Object object) {
  Slot& slot = slots_[prng.below(kSlots)];
  lockdep::SpinlockGuard guard(slot.lock);
  return std::exchange(slot.object, object);
}

void TransferArray::bequeath(std::vector<Object> objects) {
  lockdep::MutexGuard guard(orphans_lock_);
  orphans_.push_back(std::move(objects));
}

std::vector<Object> TransferArray::inherit() {
  lockdep::MutexGuard guard(orphans_lock_);
  if (orphans_.empty()) return {};
  std::vector<Object> objects = std::move(orphans_.back());
  orphans_.pop_back();
  return objects;
}

std::vector<Object> TransferArray::take_all() {
  std::vector<Object> all;
  for (Slot& slot : slots_) {
    lockdep::SpinlockGuard guard(slot.lock);
    if (slot.object.address != nullptr) all.push_back(std::exchange(slot.object, Object{}));
  }
  for (std::vector<Object> estate = inherit(); !estate.empty(); estate = inherit()) {
    all.insert(all.end(), estate.begin(), estate.end());
  }
  return all;
}

}  // namespace ring3::harness
