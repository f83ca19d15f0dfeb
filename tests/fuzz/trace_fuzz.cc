// Any bytes as the text of a trace: the parser must name every line, and what it makes of them must
// replay on a small memory without a report.

#include <cstdint>
#include <string_view>

#include "harness/replay/replay_run.h"
#include "harness/replay/trace_gfp.h"
#include "harness/replay/trace_parser.h"
#include "lib/check.h"
#include "lib/lines.h"
#include "mm/mm.h"

using namespace ring3;
using namespace ring3::harness;

namespace {

Trace parse(std::string_view text) {
  Trace trace;
  trace.caches = {"a", "b", "c", "d"};
  while (!text.empty()) {
    const ParsedLine line = parse_trace_line(take_line(text));
    const auto* parsed = std::get_if<ParsedEvent>(&line);
    if (parsed == nullptr) continue;
    TraceEvent event = parsed->event;
    event.cache = static_cast<uint32_t>(parsed->cache.size() % trace.caches.size());
    event.gfp = parse_trace_gfp(parsed->gfp, parsed->migratetype).gfp;
    // Larger ones are for the reader of a whole file to refuse.
    if (event.kind == TraceEventKind::kKmemCacheAlloc && event.bytes > mm::kMaxObjectBytes)
      continue;
    trace.events.push_back(event);
  }
  return trace;
}

void replay(const Trace& trace, ReplayMode mode) {
  const auto memory =
      std::move(mm::Memory::create({.size_bytes = size_t{32} << 20, .failures = nullptr}).value());
  const ReplayPlan plan = make_replay_plan(trace, mode);
  PageTypes types(memory->pages().total_pages());
  auto run = ReplayRun::create(*memory, trace, plan, types);
  CHECK(run.ok());
  run->carry_out(plan.steps);
  CHECK_EQ(memory->count_faults(), 0u);
  run->free_all();
  CHECK_EQ(memory->misuses(), 0u);
  CHECK(memory->close().none());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Trace trace = parse({reinterpret_cast<const char*>(data), size});
  replay(trace, ReplayMode::kPages);
  replay(trace, ReplayMode::kObjects);
  return 0;
}
