#include "harness/heap/heap_text.h"

#include <fmt/format.h>

#include <iterator>

#include "harness/base/parse_values.h"

namespace ring3::harness {
namespace {

// What a row of the table is made of; what is not known is "-".
struct Cells {
  std::string name;
  std::string break_kib, external, internal, mean_search, longest, sweeps, faults, failed, ns;
};

std::string line_of(const Cells& c) {
  return fmt::format("{:<7}{:>10}{:>10}{:>10}{:>9}{:>9}{:>8}{:>9}{:>8}{:>11}\n", c.name,
                     c.break_kib, c.external, c.internal, c.mean_search, c.longest, c.sweeps,
                     c.faults, c.failed, c.ns);
}

std::string percent(size_t part, size_t whole) {
  return whole == 0 ? "-"
                    : fmt::format("{:.1f} %",
                                  100 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string kib(size_t bytes) { return fmt::format("{:.1f}", static_cast<double>(bytes) / 1024); }

std::string median(const std::vector<double>& sorted) {
  return sorted.empty() ? "-" : fmt::format("{:.0f}", sorted[sorted.size() / 2]);
}

std::string row_text(const HeapRow& row) {
  const mm::HeapUsage& peak = row.stats.at_peak;
  const double searches = static_cast<double>(std::max<uint64_t>(row.stats.searches, 1));
  return line_of(
      {.name = std::string(row.policy->name),
       .break_kib = kib(row.peak_break_bytes),
       .external = percent(peak.free_bytes, peak.heap_bytes),
       .internal = percent(peak.overhead_bytes(), peak.heap_bytes),
       .mean_search = fmt::format("{:.1f}", static_cast<double>(row.stats.visited) / searches),
       .longest = std::to_string(row.stats.longest_search),
       .sweeps = std::to_string(row.stats.sweeps),
       .faults = std::to_string(row.minor_faults),
       .failed = std::to_string(row.stats.failures),
       .ns = median(row.ns_a_block)});
}

std::string libc_text(const HeapReport& report) {
  if (!report.libc) {
    return line_of(
               {"libc", "-", "-", "-", "-", "-", "-", "-", "-", median(report.libc_ns_a_block)}) +
           "this build's malloc is not glibc's: of libc only the time is known\n";
  }
  const LibcRun& libc = *report.libc;
  const size_t grown = libc.peak_break_bytes;
  const size_t known = std::min(grown, libc.free_bytes + libc.asked_bytes);
  return line_of({"glibc", kib(grown), percent(std::min(libc.free_bytes, grown), grown),
                  percent(grown - known, grown), "-", "-", "-", std::to_string(libc.faults), "-",
                  median(report.libc_ns_a_block)});
}

std::string problems_text(const HeapReport& report, const HeapProgram& program) {
  std::string text;
  for (const std::string& broken : program.broken) text += broken + "\n";
  if (program.broken_lines > program.broken.size()) {
    fmt::format_to(std::back_inserter(text), "{} broken lines in all\n", program.broken_lines);
  }
  for (const std::string& wrong : report.wrong) text += wrong + "\n";
  if (report.wrong_calls > report.wrong.size()) {
    fmt::format_to(std::back_inserter(text), "{} calls in all did not get what they wanted\n",
                   report.wrong_calls);
  }
  if (program.unknown_frees != 0) {
    fmt::format_to(std::back_inserter(text), "{} frees of blocks from before the trace\n",
                   program.unknown_frees);
  }
  for (const HeapRow& row : report.rows) {
    if (row.mistakes != 0) {
      fmt::format_to(std::back_inserter(text), "{} fit: mistakes of the program: {}\n",
                     row.policy->name, row.mistakes);
    }
    if (row.corrupt_blocks != 0 || !row.unsound.empty()) {
      fmt::format_to(std::back_inserter(text), "{} fit: {} corrupt blocks; {}\n", row.policy->name,
                     row.corrupt_blocks, row.unsound.empty() ? "sound" : row.unsound);
    }
  }
  return text;
}

}  // namespace

std::string heap_text(const HeapOptions& options, const HeapReport& report,
                      const HeapProgram& program) {
  std::string text = problems_text(report, program);
  fmt::format_to(std::back_inserter(text),
                 "{} calls, {} of them for a block; coalescing {}, limit {}\n", report.calls,
                 report.blocks, to_string(options.coalescing), format_size(options.limit_bytes));
  text += line_of({"policy", "break KiB", "external", "internal", "search", "longest", "sweeps",
                   "faults", "failed", "ns a block"});
  for (const HeapRow& row : report.rows) text += row_text(row);
  return text + libc_text(report);
}

}  // namespace ring3::harness
