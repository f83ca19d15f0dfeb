#include "mm/heap/heap_report.h"

#include <fmt/format.h>

#include "lib/cpu/task.h"
#include "lib/stack_trace.h"

namespace ring3::mm {
namespace {

std::string footing(uintptr_t caller) {
  return fmt::format("{}\nCall site: {}\n", Task::current().whereabouts(),
                     describe_address(caller));
}

std::string state_of(const Block& block) {
  return block.free ? fmt::format("a free block of {} bytes", block.size)
                    : fmt::format("a block in use of {} bytes, {} asked for", block.size,
                                  block.size - block.slack);
}

}  // namespace

std::string double_free_report(const char* call, const Block& block, uintptr_t caller) {
  return fmt::format("BUG heap: {} of {}, which is free already: {}\n", call,
                     fmt::ptr(block.data()), state_of(block)) +
         footing(caller);
}

std::string foreign_pointer_report(const char* call, const void* data, const Block* around,
                                   uintptr_t caller) {
  std::string where = "outside every block";
  if (around != nullptr) {
    const auto* address = static_cast<const std::byte*>(data);
    const auto* header = reinterpret_cast<const std::byte*>(around);
    where = address < around->data()
                ? fmt::format("byte {} of the header of {}", address - header, state_of(*around))
                : fmt::format("byte {} of {}", address - around->data(), state_of(*around));
    where += fmt::format(", whose data is at {}", fmt::ptr(around->data()));
  }
  return fmt::format("BUG heap: {} of {}, which malloc did not return: {}\n", call, data, where) +
         footing(caller);
}

std::string overwritten_report(const Block& block, bool is_free, size_t size, const Block* below) {
  std::string text = fmt::format(
      "BUG heap: header overwritten of the block at {}, {} of {} bytes; set right\n"
      "guard {:08x} should be {:08x}, size {:#x}, next {}, prev {}\n",
      fmt::ptr(&block), is_free ? "free" : "in use", size, block.guard, block.seal(), block.size,
      fmt::ptr(block.next), fmt::ptr(block.prev));
  if (below != nullptr) {
    text += fmt::format("The block below has its data at {}: perhaps written beyond its end\n",
                        fmt::ptr(below->data()));
  }
  return text + Task::current().whereabouts() + "\n";
}

std::string lowered_break_report(const void* lowest, const void* end) {
  return fmt::format(
             "BUG heap: the program moved the break to {}, below the blocks' end at {}: this heap "
             "gives and takes nothing any more\n",
             lowest, end) +
         Task::current().whereabouts() + "\n";
}

}  // namespace ring3::mm
