#include "harness/report/replay_json.h"

namespace ring3::harness {
namespace {

using Json = nlohmann::ordered_json;

Json by_kind(const ReplayReport& report) {
  Json counts = Json::object();
  for (size_t kind = 0; kind < kTraceEventKinds; ++kind) {
    counts[std::string(kTraceEventNames[kind])] = report.events_by_kind[kind];
  }
  return counts;
}

// Orders 0 to 10, in thousandths, at each sample; null where the trace has no page events.
Json fragmentation(const ReplayReport& report) {
  Json samples = Json::array();
  for (size_t sample = 0; sample < report.ours.size(); ++sample) {
    samples.push_back({{"done", static_cast<double>(sample + 1) / kReplaySamples},
                       {"unusable_per_mille", report.ours[sample]},
                       {"traced_unusable_per_mille",
                        report.traced.empty() ? Json(nullptr) : Json(report.traced[sample])}});
  }
  return samples;
}

}  // namespace

nlohmann::ordered_json replay_json(const ReplayReport& report) {
  const ReplayPlan& plan = report.plan;
  return {{"schema_version", 2},
          {"trace", report.options.path},
          {"mode", plan.mode == ReplayMode::kPages ? "pages" : "objects"},
          {"memory_bytes", report.options.memory_bytes},
          {"events", report.events},
          {"by_kind", by_kind(report)},
          {"lines", report.trace.lines},
          {"cut_off", report.trace.is_cut},
          {"skipped", report.trace.skipped},
          {"broken_lines", report.trace.broken_lines},
          {"broken", report.trace.broken},
          {"lost_records", report.trace.lost_records},
          {"unknown_gfp", report.trace.unknown_gfp},
          {"unknown_gfp_names", report.trace.gfp_unknown},
          {"hidden_addresses", report.trace.hidden_addresses},
          {"steps", report.steps},
          {"repetitions", report.times.size()},
          {"ns_per_event", report.ns_per_event(report.median_time())},
          {"ns_per_event_least", report.ns_per_event(report.times.front())},
          {"ns_per_event_most", report.ns_per_event(report.times.back())},
          {"allocs", plan.allocs},
          {"failed_allocs", report.failed_allocs},
          {"frees", plan.frees},
          {"refused_frees", report.refused_frees},
          {"unmatched_frees", plan.unmatched_frees},
          {"implicit_frees", plan.implicit_frees},
          {"null_frees", plan.null_frees},
          {"split_blocks", plan.split_blocks},
          {"order_mismatches", plan.order_mismatches},
          {"live_at_end", plan.live_at_end},
          {"leaks", report.leaks},
          {"peak_requested_bytes", plan.peak_requested_bytes},
          {"peak_bytes", report.peak_bytes},
          {"final_bytes", report.final_bytes},
          {"fragmentation", fragmentation(report)}};
}

}  // namespace ring3::harness
