#include "harness/stress/object_worker.h"

#include <utility>

namespace ring3::harness {
namespace {

constexpr uint64_t kTransferOneIn = 8;

}  // namespace

ObjectWorker::ObjectWorker(Prng prng, WorkerStats& stats, TransferArray& transfer,
                           const Limits& limits)
    : prng_(prng), stats_(stats), transfer_(transfer), limits_(limits) {
  held_ = transfer_.inherit();
  held_.resize(limits_.objects);
  for (const Object& object : held_) held_bytes_ += object.bytes;
}

void ObjectWorker::operate() {
  Object& slot = held_[prng_.below(held_.size())];
  if (slot.address == nullptr) {
    fill(slot);
  } else if (prng_.chance(1, kTransferOneIn)) {
    held_bytes_ -= slot.bytes;
    slot = transfer_.exchange(prng_, slot);
    held_bytes_ += slot.bytes;
  } else {
    held_bytes_ -= slot.bytes;
    retire_object(std::exchange(slot, Object{}));
  }
}

void ObjectWorker::fill(Object& slot) {
  if (held_bytes_ >= limits_.bytes) return;
  const Object object = allocate();
  if (object.address == nullptr) {
    ++stats_.failures;
    return;
  }
  slot = object;
  slot.nonce = prng_.next();
  held_bytes_ += slot.bytes;
  write_pattern(slot, limits_.depth);
}

void ObjectWorker::retire_object(const Object& object) {
  if (const auto fault = check_pattern(object, limits_.depth)) {
    stats_.error(*fault);
  } else {
    ++stats_.verified;
  }
  release(object);
}

void ObjectWorker::retire() { transfer_.bequeath(std::move(held_)); }

}  // namespace ring3::harness
