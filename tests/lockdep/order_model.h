#pragma once

// The slow truth about lock orders, to hold the checker against: every (held, awaited) pair is an
// edge, and every simple circle is walked.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "lockdep/dependency_graph.h"
#include "lockdep/lock_map.h"

namespace ring3::lockdep {

class OrderModel {
 public:
  static constexpr size_t kClasses = 5;

  void add_edge(size_t from, size_t to, EdgeKind kind) { edge(from, to, kind) = true; }

  // The number of edges of the shortest simple path that from -> to of `kind` would close into a
  // strong circle; 0 when there is none. A strong circle that visits a class twice splits at it
  // into two circles of which one is strong, so simple ones suffice.
  size_t closed_path_length(size_t from, size_t to, EdgeKind kind) const {
    std::array<bool, kClasses> visited{};
    visited[to] = true;
    return shortest(to, kind.awaits_recursively, from, kind.held_shared, visited);
  }

 private:
  static constexpr size_t kNone = 0;

  bool& edge(size_t from, size_t to, EdgeKind kind) {
    return edges_[from][to][kind.held_shared][kind.awaits_recursively];
  }

  size_t shortest(size_t at, bool arrived_recursively, size_t goal, bool leaves_shared,
                  std::array<bool, kClasses>& visited) const {
    size_t best = kNone;
    const auto consider = [&best](size_t length) {
      if (best == kNone || length < best) best = length;
    };
    for (size_t next = 0; next < kClasses; ++next) {
      if (visited[next]) continue;
      for (const bool recursively : {false, true}) {
        const auto& by_held = edges_[at][next];
        const bool strong =
            by_held[false][recursively] || (!arrived_recursively && by_held[true][recursively]);
        if (!strong) continue;
        if (next == goal) {
          if (!(recursively && leaves_shared)) consider(1);
          continue;
        }
        visited[next] = true;
        const size_t rest = shortest(next, recursively, goal, leaves_shared, visited);
        visited[next] = false;
        if (rest != kNone) consider(rest + 1);
      }
    }
    return best;
  }

  // [from][to][held shared][awaits recursively]
  std::array<std::array<std::array<std::array<bool, 2>, 2>, kClasses>, kClasses> edges_{};
};

// What a task holds, and what the checker must say to its next step.
class TaskModel {
 public:
  enum class Verdict { kFine, kRecursive, kCircular, kUnbalanced };

  struct Held {
    size_t lock;
    size_t class_index;
    ReadMode mode;
  };

  // The task waits for a lock.
  Verdict acquire(OrderModel& order, const Held& next) {
    for (const Held& held : held_) {
      const bool readers = next.mode == ReadMode::kRecursiveRead && held.mode != ReadMode::kWrite;
      if (held.class_index == next.class_index && !readers) return Verdict::kRecursive;
    }
    for (const Held& held : held_) {
      if (held.class_index == next.class_index) continue;
      const EdgeKind kind{held.mode != ReadMode::kWrite, next.mode == ReadMode::kRecursiveRead};
      if (order.closed_path_length(held.class_index, next.class_index, kind) != 0) {
        return Verdict::kCircular;
      }
      order.add_edge(held.class_index, next.class_index, kind);
    }
    held_.push_back(next);
    return Verdict::kFine;
  }

  // The task got a lock without waiting.
  void try_acquired(const Held& next) { held_.push_back(next); }

  // Lets go of the newest hold of `lock`.
  Verdict release(size_t lock) {
    const auto found = std::find_if(held_.rbegin(), held_.rend(),
                                    [lock](const Held& held) { return held.lock == lock; });
    if (found == held_.rend()) return Verdict::kUnbalanced;
    held_.erase(std::prev(found.base()));
    return Verdict::kFine;
  }

  const std::vector<Held>& held() const { return held_; }

 private:
  std::vector<Held> held_;
};

}  // namespace ring3::lockdep
