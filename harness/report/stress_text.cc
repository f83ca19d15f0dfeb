#include "harness/report/stress_text.h"

#include <fmt/format.h>

#include <iterator>

namespace ring3::harness {
namespace {

// In microseconds, the unit of all latencies.
std::string latency(uint64_t ns) { return fmt::format("{:.2f}", static_cast<double>(ns) / 1e3); }

std::string workload_table(const StressReport& report) {
  std::string text =
      fmt::format("{:<9}{:>7}{:>12}{:>12}{:>12}{:>10}{:>10}{:>10}{:>11}{:>10}{:>11}{:>8}\n",
                  "workload", "workers", "ops", "op/s real", "op/s cpu", "p50 us", "p99 us",
                  "p99.9 us", "max us", "failures", "verified", "errors");
  for (const WorkloadReport& w : report.workloads) {
    if (!w.skipped.empty()) {
      fmt::format_to(std::back_inserter(text), "{:<9}skipped: {}\n", w.info.name, w.skipped);
      continue;
    }
    fmt::format_to(std::back_inserter(text),
                   "{:<9}{:>7}{:>12}{:>12.0f}{:>12.0f}{:>10}{:>10}{:>10}{:>11}{:>10}{:>11}{:>8}\n",
                   w.info.name, w.workers, w.ops, w.ops_per_real_second(), w.ops_per_cpu_second(),
                   latency(w.latency_ns.percentile(500)), latency(w.latency_ns.percentile(990)),
                   latency(w.latency_ns.percentile(999)), latency(w.latency_ns.max()), w.failures,
                   w.verified, w.errors);
  }
  return text;
}

std::string metrics(const StressReport& report) {
  std::string text = fmt::format("\n{:<28}{:>14}\n", "tracepoint", "hits");
  for (const NamedCount& point : report.tracepoints) {
    fmt::format_to(std::back_inserter(text), "{:<28}{:>14}\n", point.name, point.count);
  }
  for (const NamedCount& point : report.faults_injected) {
    fmt::format_to(std::back_inserter(text), "{:<28}{:>14} injected\n", point.name, point.count);
  }
  Nanos cpu{0};
  for (const WorkloadReport& w : report.workloads) cpu += w.cpu;
  return text + fmt::format(
                    "\nrun time {:.2f} s, cpu time {:.2f} s, resident memory {:.1f} MiB"
                    "\n\n{}",
                    static_cast<double>(report.real.value()) / 1e9,
                    static_cast<double>(cpu.value()) / 1e9,
                    static_cast<double>(report.rss_bytes) / (1 << 20), report.lockdep_stats);
}

std::string verdict(const StressReport& report) {
  const char* ended = report.interrupted ? "interrupted" : "finished";
  if (report.errors() == 0) return fmt::format("\n{}: no errors\n", ended);
  return fmt::format(
      "\n{}: {} ERRORS: {} reports of misuse, deadlock or leak, {} broken invariants, the rest "
      "failed "
      "verification; {} objects and {} pages leaked\n",
      ended, report.errors(), report.reports, report.broken_invariants, report.leaked_objects,
      report.leaked_pages);
}

}  // namespace

std::string stress_text(const StressReport& report) {
  std::string text = workload_table(report);
  if (report.options.metrics) text += metrics(report);
  text += "\n" + report.buddyinfo;
  if (report.options.metrics) text += "\n" + report.slabinfo;
  return text + verdict(report);
}

}  // namespace ring3::harness
