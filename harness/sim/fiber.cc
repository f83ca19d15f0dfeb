#include "harness/sim/fiber.h"

#include <boost/context/preallocated.hpp>
#include <new>
#include <utility>

#include "lib/asan.h"
#include "lib/check.h"
#include "lib/os.h"

#ifdef RING3_ASAN
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif

namespace ring3::harness {
namespace {

// The pool keeps the stacks.
struct NoAllocator {
  boost::context::stack_context allocate() { return {}; }
  void deallocate(boost::context::stack_context&) {}
};

// Tells ASan about a switch to another stack, and back on this one about its end. `fake` is this
// stack's while another runs; null where it will not run again.
void start_switch([[maybe_unused]] void** fake, [[maybe_unused]] const void* bottom,
                  [[maybe_unused]] size_t bytes) {
#ifdef RING3_ASAN
  __sanitizer_start_switch_fiber(fake, bottom, bytes);
#endif
}
void finish_switch([[maybe_unused]] void* fake, [[maybe_unused]] const void** bottom,
                   [[maybe_unused]] size_t* bytes) {
#ifdef RING3_ASAN
  __sanitizer_finish_switch_fiber(fake, bottom, bytes);
#endif
}

}  // namespace

StackPool::~StackPool() {
#ifdef RING3_ASAN
  for (const os::Reservation& stack : all_) {
    __lsan_unregister_root_region(stack.base() + 4096, kStackBytes - 4096);
  }
#endif
}

std::byte* StackPool::take() {
  if (free_.empty()) {
    Result<os::Reservation> memory = os::reserve(kStackBytes, 4096);
    if (!memory) panic("a simulation has no stack: %s", memory.error().message.c_str());
    memory->forbid_first_page();
#ifdef RING3_ASAN
    __lsan_register_root_region(memory->base() + 4096, kStackBytes - 4096);
#endif
    free_.push_back(memory->base());
    all_.push_back(std::move(*memory));
  }
  std::byte* stack = free_.back();
  free_.pop_back();
  return stack;
}

Fiber::Fiber(StackPool& pool, std::function<void()> body)
    : pool_(pool), stack_(pool.take()), body_(std::move(body)) {
  boost::context::stack_context stack;
  stack.size = StackPool::kStackBytes;
  stack.sp = stack_ + StackPool::kStackBytes;
  new (own_) Context(std::allocator_arg, boost::context::preallocated(stack.sp, stack.size, stack),
                     NoAllocator{}, [this](Context&& caller) { return run(std::move(caller)); });
}

Fiber::~Fiber() {
  // The frames of one that will not run again still own what they own, so their stack stays as it
  // is.
  if (finished_) pool_.give(stack_);
}

Fiber::Context Fiber::run(Context&& caller) {
  finish_switch(nullptr, &caller_stack_, &caller_stack_bytes_);
  new (caller_) Context(std::move(caller));
  body_();
  finished_ = true;
  start_switch(nullptr, caller_stack_, caller_stack_bytes_);
  return std::move(this->caller());
}

void Fiber::resume() {
  CHECK(!finished_);
  const os::StackBounds before = os::exchange_thread_stack(
      {.low = reinterpret_cast<uintptr_t>(stack_),
       .high = reinterpret_cast<uintptr_t>(stack_) + StackPool::kStackBytes});
  void* fake = nullptr;
  start_switch(&fake, stack_, StackPool::kStackBytes);
  own() = std::move(own()).resume();
  finish_switch(fake, nullptr, nullptr);
  os::exchange_thread_stack(before);
}

void Fiber::pause() {
  void* fake = nullptr;
  start_switch(&fake, caller_stack_, caller_stack_bytes_);
  caller() = std::move(caller()).resume();
  finish_switch(fake, &caller_stack_, &caller_stack_bytes_);
}

}  // namespace ring3::harness
