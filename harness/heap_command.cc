#include "harness/heap_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <utility>

#include "harness/base/complain.h"
#include "harness/base/text_file.h"
#include "harness/heap/heap_text.h"
#include "harness/heap/life_picture.h"
#include "harness/heap/step_teller.h"
#include "harness/report/deliver.h"
#include "harness/report/output_file.h"

namespace ring3::harness {
namespace {

// This process, and beside it one of the same parts as the kernel lays it out with 32 bits and 64.
Result<std::string> three_layouts() {
  const Result<std::string> maps = read_text_file("/proc/self/maps");
  if (!maps) return maps.error();
  std::array<char, PATH_MAX> path{};
  const ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
  const Result<mm::ProcessLayout> own =
      mm::layout_of_maps(*maps, {path.data(), length < 0 ? 0 : static_cast<size_t>(length)});
  if (!own) return own.error();
  mm::ProgramSizes sizes = mm::sizes_of(*own);
  // A sanitizer maps more than 32 bits have.
  constexpr uint64_t kMostMapped = uint64_t{512} << 20;
  sizes.mapped = std::min(sizes.mapped, kMostMapped);
  return layout_text({mm::layout_32bit(sizes), mm::layout_64bit(sizes), *own});
}

// The steps and the picture of the first policy's heap, as the options ask for them.
class Life final : public HeapWatcher {
 public:
  Life(const HeapOptions& options, const HeapProgram& program)
      : options_(options), program_(program), picture_(program.calls.size()) {}

  mm::HeapListener& listener() override { return teller_; }
  ReportSink& reports() override {
    return options_.step ? static_cast<ReportSink&>(reports_) : stderr_report_sink();
  }
  void after(const HeapCall& call, const HeapOutcome& outcome, const HeapStage& stage,
             const HeapPlayer& player) override {
    ++calls_;
    if (options_.step) {
      steps_ += teller_.tell(call, program_, outcome.text, reports_.read(), *stage.heap,
                             *stage.heap_break, player);
    }
    if (!options_.svg_path.empty()) picture_.look(calls_, *stage.heap, *stage.heap_break);
  }

  const std::string& steps() const { return steps_; }
  std::string svg() const {
    return picture_.svg(fmt::format("{} fit, coalescing {}", options_.policies[0]->name,
                                    to_string(options_.coalescing)));
  }

 private:
  // Reports as part of a text.
  class TextSink final : public ReportSink {
   public:
    void report(std::string_view text) override { text_ += text; }
    std::string read() { return std::exchange(text_, {}); }

   private:
    std::string text_;
  };

  const HeapOptions& options_;
  const HeapProgram& program_;
  StepTeller teller_;
  TextSink reports_;
  LifePicture picture_;
  uint64_t calls_ = 0;
  std::string steps_;
};

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
  if (!options.has_program()) return deliver({}, text, ExitCode::kClean);

  const Result<HeapProgram> program = load_heap_program(options);
  if (!program) return complain(program.error());
  Life life(options, *program);
  const bool is_watched = options.step || !options.svg_path.empty();
  const Result<HeapReport> report = run_heap(options, *program, is_watched ? &life : nullptr);
  if (!report) return complain(report.error());
  text += life.steps() + heap_text(options, *report, *program);
  const ExitCode status = !report->is_clean()          ? ExitCode::kVerificationFailed
                          : program->broken_lines != 0 ? ExitCode::kUsage
                                                       : ExitCode::kClean;
  return deliver({{options.svg_path, life.svg()}}, text, status);
}

}  // namespace ring3::harness
