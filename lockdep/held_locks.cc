#include "lockdep/held_locks.h"

#include <algorithm>
#include <utility>

namespace ring3::lockdep {

bool HeldLocks::remove(const LockMap* instance) {
  size_t found = depth_;
  while (found > 0 && entries_[found - 1].instance != instance) --found;
  if (found == 0) return false;
  std::copy(entries_.begin() + found, entries_.begin() + depth_, entries_.begin() + found - 1);
  --depth_;
  if (found - 1 != depth_) [[unlikely]]
    rebuild_chain_keys(found - 1);
  return true;
}

// The entries from `from` on have lost a lock below them.
void HeldLocks::rebuild_chain_keys(size_t from) {
  const size_t depth = std::exchange(depth_, from);
  while (depth_ < depth) {
    HeldLock& lock = entries_[depth_];
    lock.chain_key = extend_chain_key(chain_key(lock.checker), lock.class_id, lock.mode);
    ++depth_;
  }
}

}  // namespace ring3::lockdep
