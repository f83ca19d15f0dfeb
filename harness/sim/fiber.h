#pragma once

// One task's stack in a simulation: all of them share the host's thread, and one runs at a time.
//
// Fibers of Boost.Context: a switch and back takes some 20 ns, where two host threads that hand a
// baton to and fro take microseconds, and a simulation switches at every second schedule point.
// ASan is told of each switch, so it works; TSan has nothing to find where one thread runs.

#include <boost/context/fiber.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "lib/os.h"
#include "lib/reservation.h"

namespace ring3::harness {

// Stacks to use again: mapping one costs more than what runs on it.
class StackPool {
 public:
  StackPool() = default;
  ~StackPool();
  StackPool(StackPool&&) = default;

  static constexpr size_t kStackBytes = size_t{256} << 10;

  // The lowest address of kStackBytes, of which the lowest page is never touched: a stack that
  // overflows faults.
  std::byte* take();
  void give(std::byte* stack) { free_.push_back(stack); }

 private:
  std::vector<os::Reservation> all_;
  std::vector<std::byte*> free_;
};

class Fiber {
 public:
  // `pool` outlives the fiber. Nothing runs yet.
  Fiber(StackPool& pool, std::function<void()> body);
  // Where it is not finished, what its frames own is leaked: nothing is unwound.
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Runs until it pauses or ends. Not from inside a fiber.
  void resume();
  // From inside: back to whoever resumed it, until resumed again.
  void pause();
  bool finished() const { return finished_; }

 private:
  using Context = boost::context::fiber;
  Context run(Context&& caller);

  StackPool& pool_;
  std::byte* const stack_;
  std::function<void()> body_;
  bool finished_ = false;
  // Contexts are never destroyed, since that would unwind. One is a pointer.
  alignas(Context) std::byte own_[sizeof(Context)];
  alignas(Context) std::byte caller_[sizeof(Context)];
  Context& own() { return *reinterpret_cast<Context*>(own_); }
  Context& caller() { return *reinterpret_cast<Context*>(caller_); }
  // Of the caller, for ASan.
  const void* caller_stack_ = nullptr;
  size_t caller_stack_bytes_ = 0;
};

}  // namespace ring3::harness
