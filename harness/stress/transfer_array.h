#pragma once

// Where objects change hands: a worker puts one in and takes what another thread left there. Dying
// workers leave theirs here too.

#include <deque>
#include <optional>
#include <vector>

#include "harness/stress/object_pattern.h"
#include "lib/prng.h"
#include "lockdep/lockdep.h"

namespace ring3::harness {

class TransferArray {
 public:
  explicit TransferArray(lockdep::Lockdep& lockdep);

  // Swaps `object` with a random slot's; what comes back may be none.
  Object exchange(Prng& prng, Object object);

  // What a worker's thread held when it ended, for the next one to take over or for the end.
  void bequeath(std::vector<Object> objects) EXCLUDES(orphans_lock_);
  std::vector<Object> inherit() EXCLUDES(orphans_lock_);

  // Empties the slots and the estate. Nobody exchanges any more.
  std::vector<Object> take_all();

 private:
  static constexpr size_t kSlots = 256;
  struct Slot {
    explicit Slot(lockdep::Lockdep& lockdep);
    lockdep::Spinlock lock;
    Object object GUARDED_BY(lock);
  };

  std::deque<Slot> slots_;
  lockdep::Mutex orphans_lock_;
  std::vector<std::vector<Object>> orphans_ GUARDED_BY(orphans_lock_);
};

}  // namespace ring3::harness
