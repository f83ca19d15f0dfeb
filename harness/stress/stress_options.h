#pragma once

// What one stress run is asked to do. Everything that shapes the run is here, so that the command
// printed from it repeats the run's requests; which thread meets which is the host's to decide.

#include <array>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>

#include "lib/cpu/fault.h"
#include "lib/units.h"
#include "mm/mm.h"

namespace ring3::harness {

enum class WorkloadKind { kPages, kSlab, kKmalloc, kLock, kTcp, kHeap };
inline constexpr size_t kWorkloads = 6;

struct WorkloadInfo {
  WorkloadKind kind;
  std::string_view name;   // the option's and the report's
  std::string_view group;  // what --class picks
  std::string_view about;
};
inline constexpr std::array<WorkloadInfo, kWorkloads> kWorkloadInfos{{
    {WorkloadKind::kPages, "pages", "mm", "allocate and free blocks of order 0 to 10"},
    {WorkloadKind::kSlab, "slab", "mm", "allocate and free objects of five caches"},
    {WorkloadKind::kKmalloc, "kmalloc", "mm", "kmalloc and kfree of 0 bytes to 64K"},
    {WorkloadKind::kLock, "lock", "lock", "take spinlocks, mutexes and rwlocks in nests"},
    {WorkloadKind::kTcp, "tcp", "net", "send messages over TCP connections on a lossy link"},
    {WorkloadKind::kHeap, "heap", "mm", "malloc, realloc and free on heaps over a program break"},
}};

// A planted bug: proof that the harness finds one.
enum class Canary {
  kNone,
  kWriteAfterFree,  // the slab workload writes into an object it has freed
  kAbba,            // the lock workload takes two locks in both orders
};

struct StressOptions {
  std::array<uint32_t, kWorkloads> workers{};  // threads of each workload; 0: it does not run
  std::optional<uint64_t> ops;                 // of each worker; else the run is timed
  Nanos duration = seconds(30);                // of the run, or of each workload if sequential
  uint64_t memory_bytes = uint64_t{256} << 20;
  mm::ZoneSet zones = mm::ZoneSet::kX86_64;
  unsigned nodes = 0;                  // that CPUs and memory are dealt to; 0: the host's
  std::vector<mm::MemRange> reserved;  // parts of the memory that are taken from the start
  const mm::PagePolicy* policy = &mm::kPackedPolicy;
  mm::VmSettings vm;
  uint64_t seed = 0;
  bool page_owner = false;  // reports of pages name who had them last; under ASan, they always do
  mm::PageFilling filling;  // what free and fresh pages are filled with
  bool verify = false;      // check every byte of every object, not only its ends
  bool metrics = false;     // print counters, memory and CPU times too
  bool progress = false;    // a line a second even when standard error is no terminal
  bool sequential = false;  // one workload after the other
  Canary canary = Canary::kNone;
  std::optional<FaultAttributes> failslab;
  std::optional<mm::PageFaults> fail_page_alloc;
  std::string json_path;  // empty: none; "-": standard output
  std::string yaml_path;
  std::string proc_snapshot;  // a folder; empty: none

  uint32_t workers_of(WorkloadKind kind) const { return workers[static_cast<size_t>(kind)]; }
  uint32_t worker_count() const { return std::accumulate(workers.begin(), workers.end(), 0u); }
};

// The stream of random numbers that worker `index` of a workload lives by; its generations have
// those after it.
constexpr uint64_t first_stream_of(const WorkloadInfo& info, uint32_t index) {
  return static_cast<uint64_t>(info.kind) << 48 | uint64_t{index} << 32;
}

// `text` as one word of a shell's command line.
std::string shell_word(std::string_view text);
// What of the options `ring3 sim` takes too, as it takes them, with a space before.
std::string to_sim_arguments(const StressOptions& options);

// The command line that repeats the requests of a run with these options, whose program was called
// as `program`.
std::string command_to_repeat(std::string_view program, const StressOptions& options);
// What that command repeats and what it leaves to the host, and the one that repeats a run exactly:
// lines that begin with #.
std::string what_repeats(const StressOptions& options);

}  // namespace ring3::harness
