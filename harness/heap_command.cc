#include "harness/heap_command.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <fstream>
#include <sstream>
#include <utility>

#include "harness/base/complain.h"
#include "harness/heap/heap_script.h"
#include "harness/heap/heap_text.h"
#include "harness/heap/life_picture.h"
#include "harness/heap/step_teller.h"
#include "harness/report/deliver.h"
#include "harness/report/output_file.h"

namespace ring3::harness {
namespace {

// This process, and beside it one of the same parts as the kernel lays it out with 32 bits and 64.
Result<std::string> three_layouts() {
  std::ifstream file("/proc/self/maps");
  std::ostringstream maps;
  maps << file.rdbuf();
  std::array<char, PATH_MAX> path{};
  const ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
  const Result<mm::ProcessLayout> own =
      mm::layout_of_maps(maps.str(), {path.data(), length < 0 ? 0 : static_cast<size_t>(length)});
  if (!own) return own.error();
  mm::ProgramSizes sizes = mm::sizes_of(*own);
  // A sanitizer maps more than 32 bits have.
  constexpr uint64_t kMostMapped = uint64_t{512} << 20;
  sizes.mapped = std::min(sizes.mapped, kMostMapped);
  return layout_text({mm::layout_32bit(sizes), mm::layout_64bit(sizes), *own});
}

// Reports as part of a text.
class TextSink final : public ReportSink {
 public:
  void report(std::string_view text) override { text_ += text; }
  std::string read() { return std::exchange(text_, {}); }

 private:
  std::string text_;
};

// The first policy's heap, looked at after each call.
struct Life {
  std::string steps;
  std::string svg;
};
Result<Life> live(const HeapOptions& options, const HeapProgram& program) {
  auto memory = make_heap_memory(options.limit_bytes);
  if (!memory) return memory.error();
  StepTeller teller;
  TextSink reports;
  Result<HeapStage> stage = make_heap_stage(**memory, options.limit_bytes,
                                            {.policy = options.policies[0],
                                             .coalescing = options.coalescing,
                                             .listener = &teller,
                                             .reports = &reports});
  if (!stage) return stage.error();
  HeapPlayer player(*stage->heap, *stage->heap_break, program);
  LifePicture picture(program.calls.size());
  Life life;
  uint64_t number = 0;
  for (const HeapCall& call : program.calls) {
    const HeapOutcome outcome = player.carry_out(call);
    if (options.step) {
      life.steps += teller.tell(call, program, outcome.text, reports.read(), *stage->heap,
                                *stage->heap_break, player);
    }
    if (!options.svg_path.empty()) picture.look(++number, *stage->heap, *stage->heap_break);
  }
  if (!options.svg_path.empty()) {
    life.svg =
        picture.svg(std::string(options.policies[0]->name) + " fit, coalescing " +
                    (options.coalescing == mm::Coalescing::kDeferred ? "deferred" : "immediate"));
  }
  return life;
}

}  // namespace

ExitCode heap_command(const HeapOptions& options) {
  if (Status writable = check_writable(options.svg_path); !writable) {
    return complain(writable.error());
  }
  std::string text;
  if (options.layout) {
    const Result<std::string> layouts = three_layouts();
    if (!layouts) return complain(layouts.error());
    text += *layouts;
  }
  if (!options.has_program()) return deliver("", "", text, ExitCode::kClean);

  const Result<LoadedProgram> loaded = load_heap_program(options);
  if (!loaded) return complain(loaded.error());
  Life life;
  if (options.step || !options.svg_path.empty()) {
    Result<Life> lived = live(options, loaded->program);
    if (!lived) return complain(lived.error());
    life = std::move(*lived);
  }
  const Result<HeapReport> report = run_heap(options, *loaded);
  if (!report) return complain(report.error());
  text += life.steps + heap_text(options, *report, loaded->program);
  const ExitCode status = !report->is_clean()                 ? ExitCode::kVerificationFailed
                          : loaded->program.broken_lines != 0 ? ExitCode::kUsage
                                                              : ExitCode::kClean;
  return deliver(options.svg_path, life.svg, text, status);
}

}  // namespace ring3::harness
