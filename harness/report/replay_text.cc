#include "harness/report/replay_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <vector>

namespace ring3::harness {
namespace {

constexpr unsigned kShownOrders[] = {1, 2, 3, 4, 6, 9, 10};
constexpr size_t kSampleStep = 4;  // of the samples, those shown

double mib(uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }
double percent(uint64_t per_mille) { return static_cast<double>(per_mille) / 10; }

// The lines without an event of ours, the most frequent kinds first.
std::string skipped_section(const Trace& trace) {
  constexpr size_t kShown = 6;
  if (trace.skipped.empty()) return {};
  std::vector<std::pair<uint64_t, std::string_view>> kinds;
  for (const auto& [what, count] : trace.skipped) kinds.emplace_back(count, what);
  std::sort(kinds.rbegin(), kinds.rend());
  std::string text = fmt::format("  {} lines without a kmem event:", trace.skipped_lines());
  for (size_t i = 0; i < std::min(kShown, kinds.size()); ++i) {
    fmt::format_to(std::back_inserter(text), "{} {} {}", i == 0 ? "" : ",", kinds[i].first,
                   kinds[i].second);
  }
  if (kinds.size() > kShown) {
    fmt::format_to(std::back_inserter(text), ", and {} kinds more", kinds.size() - kShown);
  }
  return text + "\n";
}

std::string trace_section(const ReplayReport& report) {
  const bool pages = report.plan.mode == ReplayMode::kPages;
  std::string text = fmt::format("{}: {} lines, {} events\n", report.options.path,
                                 report.trace.lines, report.events);
  for (size_t kind = 0; kind < kTraceEventKinds; ++kind) {
    const bool replayed = is_page_event(static_cast<TraceEventKind>(kind)) == pages;
    fmt::format_to(std::back_inserter(text), "  {:<18}{:>10}{}\n", kTraceEventNames[kind],
                   report.events_by_kind[kind], replayed ? "" : "  not replayed in this mode");
  }
  for (const std::string& broken : report.trace.broken) text += "  broken " + broken + "\n";
  const auto add = [&text](uint64_t count, std::string_view what) {
    if (count != 0) fmt::format_to(std::back_inserter(text), "  {} {}\n", count, what);
  };
  add(report.trace.broken_lines, "broken lines in all");
  add(report.trace.lost_records, "records of lost events");
  if (report.trace.unknown_gfp != 0) {
    fmt::format_to(std::back_inserter(text),
                   "  {} events with gfp flags that are unknown here and left out: {}\n",
                   report.trace.unknown_gfp, fmt::join(report.trace.gfp_unknown, ", "));
  }
  add(report.trace.hidden_addresses, "events whose address the kernel did not show");
  text += skipped_section(report.trace);
  if (report.trace.is_cut) text += "  the file is cut off: what follows is of the part there is\n";
  return text;
}

std::string replay_section(const ReplayReport& report) {
  const ReplayPlan& plan = report.plan;
  return fmt::format(
      "replayed through the {}: {} steps in {:.1f} ms, {:.0f} ns an event, the median of {} runs "
      "({:.0f} to {:.0f})\n"
      "  allocations       {:>10}   failed here      {}\n"
      "  frees             {:>10}   refused here     {}\n"
      "  unmatched frees   {:>10}   the trace's own: their allocation is not in it\n"
      "  implicit frees    {:>10}   an address handed out again without a free\n"
      "  kfree(NULL)       {:>10}\n"
      "  split blocks      {:>10}   a part was freed, the rest lives on\n"
      "  order mismatches  {:>10}   freed with a larger order than allocated\n"
      "  live at the end   {:>10}   freed afterwards; left then: {}\n"
      "  requested at peak {:>10.1f} MiB\n"
      "  in use at peak    {:>10.1f} MiB, at the end {:.1f} MiB\n",
      plan.mode == ReplayMode::kPages ? "page allocator" : "caches", report.steps,
      static_cast<double>(report.median_time().value()) / 1e6,
      report.ns_per_event(report.median_time()), report.times.size(),
      report.ns_per_event(report.times.front()), report.ns_per_event(report.times.back()),
      plan.allocs, report.failed_allocs, plan.frees, report.refused_frees, plan.unmatched_frees,
      plan.implicit_frees, plan.null_frees, plan.split_blocks, plan.order_mismatches,
      plan.live_at_end, report.leaks, mib(plan.peak_requested_bytes), mib(report.peak_bytes),
      mib(report.final_bytes));
}

std::string fragmentation_section(const ReplayReport& report) {
  std::string text =
      "unusable free space, percent of free memory that cannot serve a block of the order: ring3, "
      "then the traced kernel\n  done";
  for (const unsigned order : kShownOrders) {
    fmt::format_to(std::back_inserter(text), "{:>13}{:<2}", "order ", order);
  }
  text += '\n';
  for (size_t sample = kSampleStep - 1; sample < report.ours.size(); sample += kSampleStep) {
    fmt::format_to(std::back_inserter(text), "  {:3}%", (sample + 1) * 100 / kReplaySamples);
    for (const unsigned order : kShownOrders) {
      const std::string traced = report.traced.empty()
                                     ? "-"
                                     : fmt::format("{:.1f}", percent(report.traced[sample][order]));
      fmt::format_to(std::back_inserter(text), "  {:>6.1f} {:>6}",
                     percent(report.ours[sample][order]), traced);
    }
    text += '\n';
  }
  return text;
}

}  // namespace

std::string replay_text(const ReplayReport& report) {
  return trace_section(report) + "\n" + replay_section(report) + "\n" +
         fragmentation_section(report);
}

}  // namespace ring3::harness
