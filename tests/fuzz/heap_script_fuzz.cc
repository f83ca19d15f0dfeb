// Any bytes as the text of a script, and as what mtrace wrote: every line is a call or named, a
// call is the same when it is written down and read again, and whatever a program does to its heap,
// the heap is sound or says why not.

#include <cstdint>
#include <string>
#include <string_view>

#include "harness/heap/heap_player.h"
#include "harness/heap/heap_script.h"
#include "harness/heap/mtrace.h"
#include "harness/heap/sane_calls.h"
#include "harness/heap/step_teller.h"
#include "lib/check.h"
#include "mm/mm.h"

using namespace ring3;
using namespace ring3::harness;

namespace {

struct Silence final : ReportSink {
  void report(std::string_view) override {}
};

constexpr uint64_t kLimit = uint64_t{256} << 10;
constexpr size_t kMostCalls = 200;

std::string written(const HeapProgram& program) {
  std::string text;
  for (const HeapCall& call : program.calls) text += to_string(call, program) + "\n";
  return text;
}

void play(HeapProgram program, mm::PageAllocator& pages) {
  if (program.calls.size() > kMostCalls) program.calls.resize(kMostCalls);
  Silence silence;
  StepTeller teller;
  const auto window = std::move(mm::WindowBreak::create(pages, kLimit).value());
  const auto heap =
      std::move(mm::Heap::create(*window, {.listener = &teller, .reports = &silence}).value());
  HeapPlayer player(*heap, *window, program);
  for (const HeapCall& call : program.calls) {
    const HeapOutcome outcome = player.carry_out(call);
    teller.tell(call, program, outcome.text, "", *heap, *window, player);
    // A header that the program wrote over was found when the blocks were drawn.
    CHECK(heap->check().empty() || heap->is_broken_off());
  }
  if (program.uses_blocks) CHECK_EQ(heap->mistakes(), 0u);
  // Blocks that a program without mistakes has written are as it left them.
  if (program.uses_blocks) CHECK_EQ(player.corrupt_blocks(), 0u);
  sane_calls(program, kLimit);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto pages = std::move(
      mm::PageAllocator::create({.size_bytes = mm::kArenaGranule, .mappable = true}).value());
  const HeapProgram script = parse_heap_script(text);
  const std::string once = written(script);
  const HeapProgram again = parse_heap_script(once);
  CHECK_EQ(again.broken_lines, 0u);
  CHECK(written(again) == once);
  play(script, *pages);
  if (const Result<HeapProgram> traced = parse_mtrace(text)) play(*traced, *pages);
  pages->drain_all();
  CHECK_EQ(pages->allocated_pages().value(), 0u);
  return 0;
}
