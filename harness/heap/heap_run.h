#pragma once

// One program through the heap under every policy that was asked for, and through the C library.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/heap/heap_player.h"
#include "harness/heap/heap_program.h"
#include "harness/heap/libc_run.h"
#include "mm/mm.h"

namespace ring3::harness {

struct HeapOptions {
  std::string script_path;  // one of these three; "-": standard input
  std::string mtrace_path;
  std::optional<uint64_t> seed;

  std::vector<const mm::FitPolicy*> policies = all_policies();
  mm::Coalescing coalescing = mm::Coalescing::kDeferred;
  uint64_t limit_bytes = uint64_t{64} << 20;
  bool step = false;
  bool layout = false;
  std::string svg_path;  // empty: none

  static std::vector<const mm::FitPolicy*> all_policies();
  bool has_program() const { return !script_path.empty() || !mtrace_path.empty() || seed; }
};

// A row of the table.
struct HeapRow {
  const mm::FitPolicy* policy;
  size_t peak_break_bytes;
  mm::HeapStats stats;
  uint64_t minor_faults;
  uint64_t mistakes;               // calls that the heap reported as wrong
  uint64_t corrupt_blocks;         // whose bytes were not what the program had written: 0
  std::string unsound;             // what check() says at the end: nothing
  std::vector<double> ns_a_block;  // of each timed run, shortest first
};

struct HeapReport {
  uint64_t calls = 0;
  uint64_t blocks = 0;        // that were asked for, in a timed run
  std::vector<HeapRow> rows;  // by policy, as asked for
  std::optional<LibcRun> libc;
  std::vector<double> libc_ns_a_block;
  // What the process got that it did not want, with the line; of the first policy.
  std::vector<std::string> wrong;
  uint64_t wrong_calls = 0;
  uint64_t faults = 0;  // of those, segmentation faults

  // The program made no mistake, and the heap none.
  bool is_clean() const;
};

// The program that the options name. kIo and kBadFormat as its reader has them.
Result<HeapProgram> load_heap_program(const HeapOptions& options);

// A heap with its break.
struct HeapStage {
  std::unique_ptr<mm::WindowBreak> heap_break;
  std::unique_ptr<mm::Heap> heap;
};

// Watches the run of the first policy, call by call.
class HeapWatcher {
 public:
  virtual ~HeapWatcher() = default;
  // Where that heap tells its steps, and what its program does wrong.
  virtual mm::HeapListener& listener() = 0;
  virtual ReportSink& reports() = 0;
  virtual void after(const HeapCall& call, const HeapOutcome& outcome, const HeapStage& stage,
                     const HeapPlayer& player) = 0;
};

// `watcher` may be null: then mistakes are reported on standard error. kNoResource when the host
// refuses the memory.
Result<HeapReport> run_heap(const HeapOptions& options, const HeapProgram& program,
                            HeapWatcher* watcher);

}  // namespace ring3::harness
