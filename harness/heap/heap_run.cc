#include "harness/heap/heap_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "harness/base/byte_source.h"
#include "harness/base/text_file.h"
#include "harness/heap/heap_script.h"
#include "harness/heap/heap_timing.h"
#include "harness/heap/mtrace.h"
#include "harness/heap/random_program.h"
#include "harness/heap/sane_calls.h"
#include "lib/bits.h"

namespace ring3::harness {
namespace {

constexpr size_t kTimedRuns = 5;
constexpr size_t kMostWrongShown = 10;

// The program's mistakes are the same under every policy: those of the first are told.
class Silence final : public ReportSink {
 public:
  void report(std::string_view) override {}
};

// More than the heap may have: some of a zone is for those who must not fail.
Result<std::unique_ptr<mm::Memory>> make_memory(uint64_t limit_bytes) {
  return mm::Memory::create(
      {.size_bytes = align_up<uint64_t>(limit_bytes + limit_bytes / 8, mm::kArenaGranule) +
                     4 * mm::kArenaGranule,
       .mappable = true});
}

Result<HeapStage> make_stage(mm::Memory& memory, uint64_t limit_bytes,
                             const mm::HeapConfig& config) {
  auto heap_break = mm::WindowBreak::create(memory.pages(), limit_bytes);
  if (!heap_break) return heap_break.error();
  auto heap = mm::Heap::create(**heap_break, config);
  if (!heap) return heap.error();
  return HeapStage{std::move(*heap_break), std::move(*heap)};
}

// What the process did not get, of the first policy's run.
void note(const HeapCall& call, const HeapProgram& program, const HeapOutcome& outcome,
          HeapReport& report) {
  if (outcome.text.empty()) return;
  report.faults += outcome.is_fault;
  if (++report.wrong_calls > kMostWrongShown) return;
  report.wrong.push_back(
      fmt::format("line {}: {}: {}", call.line, to_string(call, program), outcome.text));
}

Result<HeapRow> run_policy(mm::Memory& memory, const HeapOptions& options,
                           const mm::FitPolicy& policy, const HeapProgram& program,
                           HeapWatcher* watcher, HeapReport& report) {
  const bool is_first = report.rows.empty();
  Silence silence;
  mm::HeapConfig config{.policy = &policy, .coalescing = options.coalescing};
  if (!is_first) config.reports = &silence;
  if (is_first && watcher != nullptr) {
    config.listener = &watcher->listener();
    config.reports = &watcher->reports();
  }
  Result<HeapStage> stage = make_stage(memory, options.limit_bytes, config);
  if (!stage) return stage.error();
  HeapPlayer player(*stage->heap, *stage->heap_break, program);
  for (const HeapCall& call : program.calls) {
    const HeapOutcome outcome = player.carry_out(call);
    if (!is_first) continue;
    note(call, program, outcome, report);
    if (watcher != nullptr) watcher->after(call, outcome, *stage, player);
  }
  return HeapRow{.policy = &policy,
                 .peak_break_bytes = stage->heap_break->peak_bytes(),
                 .stats = stage->heap->stats(),
                 .minor_faults = stage->heap_break->minor_faults(),
                 .mistakes = stage->heap->mistakes(),
                 .corrupt_blocks = player.corrupt_blocks(),
                 .unsound = stage->heap->check(),
                 .ns_a_block = {}};
}

// All contenders in turn, so that what else the host does meets them alike; each time in a heap
// that nobody has used.
Status take_times(mm::Memory& memory, const HeapOptions& options, const HeapProgram& program,
                  HeapReport& report) {
  const std::vector<HeapCall> calls = sane_calls(program, options.limit_bytes);
  report.blocks = blocks_made(calls);
  if (report.blocks == 0) return {};
  const auto ns_a_block = [&](Nanos time) {
    return static_cast<double>(time.value()) / static_cast<double>(report.blocks);
  };
  const size_t variables = program.variables.size();
  for (size_t i = 0; i < kTimedRuns; ++i) {
    for (HeapRow& row : report.rows) {
      Result<HeapStage> stage = make_stage(
          memory, options.limit_bytes, {.policy = row.policy, .coalescing = options.coalescing});
      if (!stage) return stage.error();
      row.ns_a_block.push_back(ns_a_block(time_calls(calls, variables, *stage->heap)));
    }
    report.libc_ns_a_block.push_back(ns_a_block(time_calls_of_libc(calls, variables)));
  }
  for (HeapRow& row : report.rows) std::ranges::sort(row.ns_a_block);
  std::ranges::sort(report.libc_ns_a_block);
  return {};
}

}  // namespace

std::vector<const mm::FitPolicy*> HeapOptions::all_policies() {
  std::vector<const mm::FitPolicy*> all;
  for (const mm::FitPolicy& policy : mm::kAllFitPolicies) all.push_back(&policy);
  return all;
}

bool HeapReport::is_clean() const {
  return faults == 0 && std::ranges::all_of(rows, [](const HeapRow& row) {
           return row.mistakes == 0 && row.corrupt_blocks == 0 && row.unsound.empty();
         });
}

Result<HeapProgram> load_heap_program(const HeapOptions& options) {
  if (options.seed) return random_heap_program(*options.seed);
  if (!options.script_path.empty()) {
    const Result<std::string> text = read_text_file(options.script_path);
    if (!text) return text.error();
    return parse_heap_script(*text);
  }
  const Result<std::string> text = read_all_bytes(options.mtrace_path);
  if (!text) return text.error();
  Result<HeapProgram> traced = parse_mtrace(*text);
  if (traced) return traced;
  return Error{traced.error().code, options.mtrace_path + ": " + traced.error().message};
}

Result<HeapReport> run_heap(const HeapOptions& options, const HeapProgram& program,
                            HeapWatcher* watcher) {
  auto memory = make_memory(options.limit_bytes);
  if (!memory) return memory.error();
  HeapReport report;
  report.calls = program.calls.size();
  for (const mm::FitPolicy* policy : options.policies) {
    Result<HeapRow> row = run_policy(**memory, options, *policy, program, watcher, report);
    if (!row) return row.error();
    report.rows.push_back(std::move(*row));
  }
  report.libc = run_on_libc(program, options.limit_bytes);
  if (Status timed = take_times(**memory, options, program, report); !timed) {
    return timed.error();
  }
  return report;
}

}  // namespace ring3::harness
