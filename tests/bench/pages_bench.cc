// `make bench-pages`: the page allocator in the patterns of the field, over 4 GiB, beside the least
// that any allocator does and a model of the kernel's, which all take their turns in one run.
// JSON=F writes the rows {who, pattern, order, threads, ns} there. Then the figures that are no
// times a pair, as rows {who, figure, value}. Arguments: patterns, "figures", orders or "t1" and
// "t2" to leave the others out, as in "repeat o0 t1".

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/pages_figures.h"
#include "tests/bench/pages_patterns.h"
#include "tests/mm/pages/churn.h"

namespace ring3::bench {
namespace {

constexpr unsigned kMeasuredOrders[] = {0, 1, 2, 4, 9, 10};
constexpr size_t kRounds = 5;
using Kernel = Ring3Pages<mm::kKernelPolicy>;
using Packed = Ring3Pages<mm::kPackedPolicy>;
constexpr size_t kPeers = 4;
constexpr std::array<std::string_view, kPeers> kNames = {Floor::kName, KernelModel::kName, "kernel",
                                                         "packed"};

double run_peer(size_t peer, Pattern pattern, unsigned order, unsigned threads) {
  switch (peer) {
    case 0:
      return run_pages<Floor>(pattern, order, threads);
    case 1:
      return run_pages<KernelModel>(pattern, order, threads);
    case 2:
      return run_pages<Kernel>(pattern, order, threads);
    default:
      return run_pages<Packed>(pattern, order, threads);
  }
}

double median(std::vector<double> values) {
  std::erase_if(values, [](double value) { return value < 0; });
  if (values.empty()) return -1;
  std::ranges::sort(values);
  return values[values.size() / 2];
}

std::string text(double ns) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, ns < 0 ? "-" : ns < 10 ? "%.1f" : "%.0f", ns);
  return buffer;
}

// What the arguments leave of patterns, orders and numbers of threads.
class Choice {
 public:
  Choice(int argc, char** argv) : words_(argv + 1, argv + argc) {}
  bool has(const std::string& word, char kind) const {
    bool any_of_kind = false;
    for (const std::string& each : words_) {
      if (each == word) return true;
      any_of_kind |= kind == 'p' ? each.size() > 3 : each[0] == kind;
    }
    return !any_of_kind;
  }

 private:
  std::vector<std::string> words_;
};

void print_figures(nlohmann::json& rows) {
  std::printf("\n%-34s %10s %10s\n", "figure", "kernel", "packed");
  const std::array policies = {&mm::kKernelPolicy, &mm::kPackedPolicy};
  const auto print = [&](const std::string& figure, auto value_of) {
    std::printf("%-34s", figure.c_str());
    for (const mm::PagePolicy* policy : policies) {
      const double value = value_of(*policy);
      rows.push_back({{"who", policy->name}, {"figure", figure}, {"value", value}});
      std::printf(" %10.2f", value);
    }
    std::printf("\n");
    std::fflush(stdout);
  };
  for (const uint64_t gib : {1u, 4u, 64u, 1024u}) {
    const std::string arena = std::to_string(gib) + " GiB ";
    print(arena + "up, ms", [&](const auto& policy) { return start_figures(policy, gib).ms; });
    print(arena + "resident, KiB",
          [&](const auto& policy) { return start_figures(policy, gib).kib; });
    print(arena + "burst of 256, ns",
          [&](const auto& policy) { return start_figures(policy, gib).burst_ns; });
  }
  print("order 4 refused, ns",
        [](const auto& policy) { return refusal_figures(policy).refused_ns; });
  print("order 10 compound, ns",
        [](const auto& policy) { return refusal_figures(policy).compound_ns; });
  print("order 10 not compound, ns",
        [](const auto& policy) { return refusal_figures(policy).plain_ns; });
  print("refused at 95 % with 2 threads",
        [](const auto& policy) { return refused_of_tight_load(policy); });
  print("whole 2 MiB after churn, %",
        [](const auto& policy) { return test::whole_after_churn(policy, size_t{4} << 30); });
}

int run(int argc, char** argv) {
  const Choice choice(argc, argv);
  nlohmann::json rows = nlohmann::json::array();
  std::printf("ns a pair, medians of %zu rounds in turn; in brackets, of the model's\n", kRounds);
  std::printf("%-9s %5s %7s %9s %9s %16s %16s\n", "pattern", "order", "threads", kNames[0].data(),
              kNames[1].data(), kNames[2].data(), kNames[3].data());
  for (const Pattern pattern : kPatterns) {
    const char* name = kPatternNames[static_cast<size_t>(pattern)];
    if (!choice.has(name, 'p')) continue;
    for (const unsigned order : kMeasuredOrders) {
      if (!choice.has("o" + std::to_string(order), 'o')) continue;
      for (unsigned threads = pattern == Pattern::kProdcons ? 2 : 1; threads <= 2; ++threads) {
        if (!choice.has("t" + std::to_string(threads), 't')) continue;
        std::array<std::vector<double>, kPeers> times;
        for (size_t round = 0; round < kRounds; ++round) {
          for (size_t peer = 0; peer < kPeers; ++peer) {
            // The floor's frames come from a stack of the thread's own: nobody can hand them on.
            if (peer == 0 && pattern == Pattern::kProdcons) continue;
            times[peer].push_back(run_peer(peer, pattern, order, threads));
          }
        }
        std::array<double, kPeers> ns;
        for (size_t peer = 0; peer < kPeers; ++peer) {
          ns[peer] = median(times[peer]);
          if (ns[peer] < 0) continue;
          rows.push_back({{"who", kNames[peer]},
                          {"pattern", name},
                          {"order", order},
                          {"threads", threads},
                          {"ns", ns[peer]}});
        }
        std::printf("%-9s %5u %7u %9s %9s %9s (%.2f) %9s (%.2f)\n", name, order, threads,
                    text(ns[0]).c_str(), text(ns[1]).c_str(), text(ns[2]).c_str(), ns[2] / ns[1],
                    text(ns[3]).c_str(), ns[3] / ns[1]);
        std::fflush(stdout);
      }
    }
  }
  if (choice.has("figures", 'p')) print_figures(rows);
  const char* path = std::getenv("JSON");
  if (path == nullptr || *path == '\0') return 0;
  std::ofstream file(path);
  file << rows.dump(1) << '\n';
  file.close();
  if (!file) {
    std::fprintf(stderr, "cannot write '%s'\n", path);
    return 3;
  }
  return 0;
}

}  // namespace
}  // namespace ring3::bench

int main(int argc, char** argv) { return ring3::bench::run(argc, argv); }
