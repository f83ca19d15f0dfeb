#include "harness/report/stress_json.h"

#include <sys/utsname.h>

#include "harness/base/parse_values.h"
#include "lib/os.h"

namespace ring3::harness {
namespace {

using Json = nlohmann::ordered_json;

double to_seconds(Nanos time) { return static_cast<double>(time.value()) / 1e9; }

Json system_json() {
  utsname name{};
  uname(&name);
  return {{"sysname", name.sysname},
          {"release", name.release},
          {"machine", name.machine},
          {"nodename", name.nodename},
          {"cpus", Topology::host().online_count()},
          {"build", RING3_BUILD},
          {"compiler", __VERSION__}};
}

Json fault_json(const std::optional<FaultAttributes>& fault) {
  if (!fault) return nullptr;
  return {{"interval", fault->interval}, {"probability", fault->probability},
          {"space", fault->space},       {"times", fault->times},
          {"task", fault->task},         {"require", fault->require},
          {"reject", fault->reject}};
}

Json page_fault_json(const std::optional<mm::PageFaults>& faults) {
  if (!faults) return nullptr;
  Json json = fault_json(faults->attributes);
  json["min_order"] = faults->min_order.value();
  json["ignore_gfp_wait"] = faults->ignore_gfp_wait;
  json["ignore_gfp_highmem"] = faults->ignore_gfp_highmem;
  return json;
}

Json config_json(const StressOptions& options) {
  Json workers = Json::object();
  for (const WorkloadInfo& info : kWorkloadInfos) {
    workers[std::string(info.name)] = options.workers_of(info.kind);
  }
  Json reserved = Json::array();
  for (const mm::MemRange& range : options.reserved) {
    reserved.push_back({{"start", range.start}, {"bytes", range.size()}});
  }
  return {{"workers", workers},
          {"ops_per_worker", options.ops ? Json(*options.ops) : Json(nullptr)},
          {"duration_s", options.ops ? Json(nullptr) : Json(to_seconds(options.duration))},
          {"memory_bytes", options.memory_bytes},
          {"reserved", reserved},
          {"policy", options.policy->name},
          {"page_owner", options.page_owner},
          {"verify", options.verify},
          {"sequential", options.sequential},
          {"failslab", fault_json(options.failslab)},
          {"fail_page_alloc", page_fault_json(options.fail_page_alloc)}};
}

Json workload_json(const WorkloadReport& workload) {
  return {{"name", workload.info.name},
          {"skipped", workload.skipped.empty() ? Json(nullptr) : Json(workload.skipped)},
          {"workers", workload.workers},
          {"ops", workload.ops},
          {"errors", workload.errors},
          {"failures", workload.failures},
          {"verified", workload.verified},
          {"real_s", to_seconds(workload.real)},
          {"cpu_s", to_seconds(workload.cpu)},
          {"ops_per_s_real", workload.ops_per_real_second()},
          {"ops_per_s_cpu", workload.ops_per_cpu_second()},
          {"p50_ns", workload.latency_ns.percentile(500)},
          {"p99_ns", workload.latency_ns.percentile(990)},
          {"p99_9_ns", workload.latency_ns.percentile(999)},
          {"max_ns", workload.latency_ns.max()}};
}

Json counts_json(const std::vector<NamedCount>& counts) {
  Json json = Json::object();
  for (const NamedCount& count : counts) json[count.name] = count.count;
  return json;
}

}  // namespace

nlohmann::ordered_json stress_json(const StressReport& report) {
  Json workloads = Json::array();
  for (const WorkloadReport& workload : report.workloads) {
    workloads.push_back(workload_json(workload));
  }
  return {{"schema_version", 1},
          {"command", report.command},
          {"seed", std::to_string(report.options.seed)},
          {"config", config_json(report.options)},
          {"system", system_json()},
          {"workloads", workloads},
          {"tracepoints", counts_json(report.tracepoints)},
          {"faults_injected", counts_json(report.faults_injected)},
          {"errors", report.errors()},
          {"reports", report.reports},
          {"broken_invariants", report.broken_invariants},
          {"leaked_objects", report.leaked_objects},
          {"leaked_pages", report.leaked_pages},
          {"rss_bytes", report.rss_bytes},
          {"real_s", to_seconds(report.real)},
          {"interrupted", report.interrupted},
          {"exit_code", static_cast<int>(report.exit_code())}};
}

}  // namespace ring3::harness
