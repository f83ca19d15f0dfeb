#include "harness/report/replay_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "harness/base/parse_values.h"

namespace ring3::harness {
namespace {

constexpr unsigned kShownOrders[] = {1, 2, 3, 4, 6, 9, 10};
constexpr size_t kSampleStep = kReplaySamples / 8;  // of the samples, those shown
constexpr size_t kColumn = 7;                       // characters

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

std::string plan_section(const ReplayReport& report) {
  const ReplayPlan& plan = report.plan;
  return fmt::format(
      "replayed through the {}: {} steps, in {} of which {} % was in use before (seed {})\n"
      "  allocations       {:>10}\n"
      "  frees             {:>10}\n"
      "  unmatched frees   {:>10}   the trace's own: their allocation is not in it\n"
      "  implicit frees    {:>10}   an address handed out again without a free\n"
      "  kfree(NULL)       {:>10}\n"
      "  split blocks      {:>10}   a part was freed, the rest lives on\n"
      "  order mismatches  {:>10}   freed with a larger order than allocated\n"
      "  live at the end   {:>10}   freed afterwards\n"
      "  requested at peak {:>10.1f} MiB\n",
      plan.mode == ReplayMode::kPages ? "page allocator" : "caches", report.steps,
      format_size(report.memory_bytes), report.options.fill_percent, report.options.seed,
      plan.allocs, plan.frees, plan.unmatched_frees, plan.implicit_frees, plan.null_frees,
      plan.split_blocks, plan.order_mismatches, plan.live_at_end, mib(plan.peak_requested_bytes));
}

// A row a policy; what lies in memory is a mean over the slices.
std::string policies_section(const ReplayReport& report) {
  std::string text =
      fmt::format("  {:<12}{:>8}{:>16}{:>16}{:>10}{:>10}{:>22}\n", "policy", "refused",
                  "free 2 MiB, %", "mixed 2 MiB, %", "peak MiB", "end MiB", "ns an event (range)");
  for (const PolicyResult& result : report.results) {
    fmt::format_to(
        std::back_inserter(text), "  {:<12}{:>8}{:>16.1f}{:>16.1f}{:>10.1f}{:>10.1f}{:>22}\n",
        result.policy->name, result.failed_allocs, result.whole_percent(), result.mixed_percent(),
        mib(result.peak_bytes), mib(result.final_bytes),
        fmt::format("{:.0f} ({:.0f} to {:.0f})", report.ns_per_event(result.median_time()),
                    report.ns_per_event(result.times.front()),
                    report.ns_per_event(result.times.back())));
  }
  text +=
      "  free 2 MiB: whole ones, of what the free pages would make if they lay together; mixed: "
      "in use\n  by several migratetypes; both are means over time; ns: the median of ";
  text += fmt::format("{} runs\n", report.results.front().times.size());
  for (const PolicyResult& result : report.results) {
    if (result.clean()) continue;
    fmt::format_to(std::back_inserter(text), "  {}: {} frees refused here, {} left at the end\n",
                   result.policy->name, result.refused_frees, result.leaks);
  }
  return text;
}

// Of a kernel that is more than a column, its version.
std::string_view column_name(std::string_view name) {
  return name.size() < kColumn ? name : name.substr(name.rfind('-') + 1);
}

// A column an order and who; the traced kernel is one of them where its frames say something.
std::string fragmentation_section(const ReplayReport& report) {
  std::vector<std::pair<std::string_view, std::vector<UnusableIndex>>> columns;
  for (const PolicyResult& result : report.results) {
    auto& indices = columns.emplace_back(result.policy->name, std::vector<UnusableIndex>()).second;
    for (const PageMapSlice& slice : result.slices) indices.push_back(slice.unusable());
  }
  const bool covered = !report.traced.unusable.empty();
  if (covered) columns.emplace_back("traced", report.traced.unusable);
  std::string text =
      "unusable free space, percent of free memory that cannot serve a block of the order\n  done";
  for (const unsigned order : kShownOrders) {
    fmt::format_to(std::back_inserter(text), "  {:<{}}", fmt::format("order {}", order),
                   columns.size() * kColumn - 2);
  }
  text += "\n      ";
  for (size_t i = 0; i < std::size(kShownOrders); ++i) {
    for (const auto& [name, indices] : columns) {
      fmt::format_to(std::back_inserter(text), "{:>{}}", column_name(name), kColumn);
    }
  }
  text += '\n';
  for (size_t sample = kSampleStep - 1; sample < kReplaySamples; sample += kSampleStep) {
    fmt::format_to(std::back_inserter(text), "  {:3}%", (sample + 1) * 100 / kReplaySamples);
    for (const unsigned order : kShownOrders) {
      for (const auto& [name, indices] : columns) {
        fmt::format_to(std::back_inserter(text), "{:>{}.1f}", percent(indices[sample][order]),
                       kColumn);
      }
    }
    text += '\n';
  }
  if (!covered && report.traced.coverage > 0) {
    fmt::format_to(std::back_inserter(text),
                   "The trace shows {:.1f} % of the frames between its lowest and its highest: too "
                   "few to tell how\nthe memory of the traced machine lay (that takes {:.0f} %).\n",
                   report.traced.coverage * 100, kLeastCoverage * 100);
  }
  return text;
}

}  // namespace

std::string replay_text(const ReplayReport& report) {
  return trace_section(report) + "\n" + plan_section(report) + "\n" + policies_section(report) +
         "\n" + fragmentation_section(report);
}

}  // namespace ring3::harness
