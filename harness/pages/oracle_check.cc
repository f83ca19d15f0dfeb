#include "harness/pages/oracle_check.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "harness/pages/oracle_file.h"

namespace ring3::harness {
namespace {

using mm::Order;
using mm::Pfn;

std::string frame_text(Pfn pfn) {
  return pfn == mm::kNoPfn ? "no frame" : fmt::format("frame {}", pfn.value());
}

// The words of `line`, a blank between each.
std::string plain(std::string_view line) {
  std::string words;
  for (const char c : line) {
    if (c != ' ' && c != '\t' && c != '\r') {
      words += c;
    } else if (!words.empty() && words.back() != ' ') {
      words += ' ';
    }
  }
  if (words.ends_with(' ')) words.pop_back();
  return words;
}

class Run {
 public:
  static Result<std::unique_ptr<Run>> start(const OracleCase& oracle) {
    const uint64_t frames = align_up(oracle.zone.end.value(), mm::kMaxOrder.pages().value());
    Result<mm::FrameTables> tables = mm::FrameTables::create(mm::PageCount(frames));
    if (!tables) return tables.error();
    std::unique_ptr<Run> run(new Run(oracle, std::move(*tables)));
    if (Status loaded = load_zone_state(oracle.initial, oracle.zone, run->zone_); !loaded) {
      return loaded.error();
    }
    return run;
  }

  Result<OracleVerdict> check() {
    for (const OracleStep& step : oracle_.steps) {
      if (Status done = perform(step); !done) return done.error();
      if (!verdict_.is_same()) return std::move(verdict_);
    }
    check_end();
    return std::move(verdict_);
  }

 private:
  Run(const OracleCase& oracle, mm::FrameTables tables)
      : oracle_(oracle),
        tables_(std::move(tables)),
        memmap_(tables_.memmap(nullptr)),
        zone_(memmap_, oracle.zone),
        verdict_{.name = std::string(oracle.name),
                 .operations = oracle.operations,
                 .reproduced = 0,
                 .difference = {}} {}

  Status perform(const OracleStep& step) {
    switch (step.kind) {
      case OracleStep::Kind::kAlloc:
        alloc(step);
        return {};
      case OracleStep::Kind::kFree:
        return free(step);
      case OracleStep::Kind::kState:
        check_state(step);
        return {};
    }
    return {};
  }

  void alloc(const OracleStep& step) {
    const Pfn pfn = zone_.alloc(step.gfp, step.order);
    if (pfn != step.pfn) {
      differ(step,
             fmt::format("order {} with {}: the kernel gave {}, ring3 gives {}", step.order.value(),
                         mm::to_string(step.gfp), frame_text(step.pfn), frame_text(pfn)));
      return;
    }
    ++verdict_.reproduced;
    const bool movable = mm::migratetype_of(step.gfp) == mm::Migratetype::kMovable;
    if (oracle_.lru && movable && pfn != mm::kNoPfn) zone_.set_lru(pfn, step.order, true);
  }

  Status free(const OracleStep& step) {
    const mm::FrameState state = memmap_.state(step.pfn);
    if (state.kind() != mm::PageState::kAllocated) {
      return Error{Errc::kBadFormat, fmt::format("line {}: frame {} is freed and not allocated",
                                                 step.line, step.pfn.value())};
    }
    if (oracle_.lru) zone_.set_lru(step.pfn, state.order(), false);
    zone_.free(step.pfn, state.order());
    ++verdict_.reproduced;
    return {};
  }

  void check_state(const OracleStep& step) {
    const std::string recorded = plain(step.text);
    const std::string ours = recorded[0] == 'b' ? blocks_line(zone_) : types_line(zone_);
    if (recorded == ours) return;
    differ(step, "the same frames until here, but not the same state");
  }

  void check_end() {
    const auto ours = zone_state_lines(memmap_, zone_, oracle_.zone.start, oracle_.zone.end);
    for (size_t i = 0; i < std::max(ours.size(), oracle_.final.size()); ++i) {
      const std::string recorded =
          i < oracle_.final.size() ? plain(oracle_.final[i].text) : "nothing more";
      if (i < ours.size() && recorded == ours[i]) continue;
      verdict_.difference = fmt::format(
          "the same frames to the end, but not the same final state:\n  kernel: {}\n  ring3:  {}\n",
          recorded, i < ours.size() ? ours[i] : "nothing more");
      return;
    }
  }

  // The kernel's state is what the file has next of it; ours is of now.
  void differ(const OracleStep& step, std::string_view what) {
    std::string text =
        fmt::format("line {}: {}\n  the kernel's state, as recorded next:\n", step.line, what);
    size_t lines = 0;
    for (const OracleStep& later : oracle_.steps) {
      if (later.line < step.line || later.kind != OracleStep::Kind::kState) continue;
      text += fmt::format("    line {}: {}\n", later.line, later.text);
      if (++lines == 2) break;
    }
    if (lines == 0) {
      for (const OracleStep& line : oracle_.final) text += fmt::format("    {}\n", line.text);
    }
    text += "  ring3's state:\n";
    for (const std::string& line :
         zone_state_lines(memmap_, zone_, oracle_.zone.start, oracle_.zone.end)) {
      text += fmt::format("    {}\n", line);
    }
    verdict_.difference = std::move(text);
  }

  const OracleCase& oracle_;
  const mm::FrameTables tables_;
  const mm::Memmap memmap_;
  mm::KernelZone zone_;
  OracleVerdict verdict_;
};

}  // namespace

Result<OracleVerdict> check_oracle(std::string_view text, const mm::rules::Persona& persona) {
  Result<OracleCase> oracle = parse_oracle(text);
  if (!oracle) return oracle.error();
  oracle->zone.persona = &persona;
  const Result<std::unique_ptr<Run>> run = Run::start(*oracle);
  if (!run) return run.error();
  return (*run)->check();
}

}  // namespace ring3::harness
