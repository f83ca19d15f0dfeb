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

// Orders 0 to 10, in thousandths.
Json slices(const PolicyResult& result) {
  Json all = Json::array();
  for (size_t sample = 0; sample < result.slices.size(); ++sample) {
    const PageMapSlice& slice = result.slices[sample];
    all.push_back({{"done", static_cast<double>(sample + 1) / kReplaySamples},
                   {"unusable_per_mille", slice.unusable()},
                   {"whole_percent", slice.whole_percent()},
                   {"mixed_percent", slice.mixed_percent()}});
  }
  return all;
}

Json policies(const ReplayReport& report) {
  Json all = Json::array();
  for (const PolicyResult& result : report.results) {
    all.push_back({{"policy", result.policy->name},
                   {"failed_allocs", result.failed_allocs},
                   {"refused_frees", result.refused_frees},
                   {"leaks", result.leaks},
                   {"whole_percent", result.whole_percent()},
                   {"mixed_percent", result.mixed_percent()},
                   {"ns_per_event", report.ns_per_event(result.median_time())},
                   {"ns_per_event_least", report.ns_per_event(result.times.front())},
                   {"ns_per_event_most", report.ns_per_event(result.times.back())},
                   {"background_pages", result.background_pages},
                   {"peak_bytes", result.peak_bytes},
                   {"final_bytes", result.final_bytes},
                   {"slices", slices(result)}});
  }
  return all;
}

}  // namespace

nlohmann::ordered_json replay_json(const ReplayReport& report) {
  const ReplayPlan& plan = report.plan;
  return {{"schema_version", 3},
          {"trace", report.options.path},
          {"mode", plan.mode == ReplayMode::kPages ? "pages" : "objects"},
          {"memory_bytes", report.memory_bytes},
          {"fill_percent", report.options.fill_percent},
          {"seed", report.options.seed},
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
          {"repetitions", report.options.repetitions},
          {"allocs", plan.allocs},
          {"frees", plan.frees},
          {"unmatched_frees", plan.unmatched_frees},
          {"implicit_frees", plan.implicit_frees},
          {"null_frees", plan.null_frees},
          {"split_blocks", plan.split_blocks},
          {"order_mismatches", plan.order_mismatches},
          {"live_at_end", plan.live_at_end},
          {"peak_requested_bytes", plan.peak_requested_bytes},
          {"policies", policies(report)},
          {"traced_coverage", report.traced.coverage},
          {"traced_unusable_per_mille", report.traced.unusable}};
}

}  // namespace ring3::harness
