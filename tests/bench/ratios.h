#pragma once

// What the micro-benchmarks have in common: Google Benchmark's table, and the medians behind it.

#include <benchmark/benchmark.h>

#include <map>
#include <string>

namespace ring3::bench {

// Prints the table as usual and keeps the median CPU time of each benchmark, in nanoseconds.
class MedianReporter final : public benchmark::ConsoleReporter {
 public:
  void ReportRuns(const std::vector<Run>& runs) override {
    ConsoleReporter::ReportRuns(runs);
    for (const Run& run : runs) {
      if (run.aggregate_name == "median") {
        medians_[run.run_name.function_name] = run.GetAdjustedCPUTime();
      }
    }
  }
  const std::map<std::string, double>& medians() const { return medians_; }

 private:
  std::map<std::string, double> medians_;
};

// An iteration of `function` is what the table gives the time of.
template <class Function>
void add(const std::string& name, Function function) {
  benchmark::RegisterBenchmark(name.c_str(), function)
      ->Repetitions(7)
      ->MinTime(0.05)
      ->ReportAggregatesOnly();
}

}  // namespace ring3::bench
