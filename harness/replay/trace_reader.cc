#include "harness/replay/trace_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>

#include "harness/base/byte_source.h"
#include "harness/replay/trace_gfp.h"
#include "harness/replay/trace_parser.h"

namespace ring3::harness {
namespace {

constexpr size_t kChunkBytes = size_t{1} << 20;
constexpr size_t kLongestLine = size_t{64} << 10;
constexpr size_t kBrokenShown = 5;
constexpr size_t kGfpShown = 5;
// Other events are counted by name while there are so many names; prose has more.
constexpr size_t kSkippedNames = 200;
constexpr std::string_view kOtherNames = "other lines";
// A file without an event up to here has none: an endless one is given up.
constexpr size_t kEventlessBytes = size_t{64} << 20;

// Collects lines into a Trace.
class TraceBuilder {
 public:
  void add_line(std::string_view line) {
    ++trace_.lines;
    std::visit([this](const auto& parsed) { add(parsed); }, parse_trace_line(line));
  }
  void add_too_long() {
    ++trace_.lines;
    add(BrokenLine{"longer than 64K"});
  }
  bool has_events() const { return !trace_.events.empty(); }
  Trace take() { return std::move(trace_); }

 private:
  void add(const ParsedEvent& parsed) {
    TraceEvent event = parsed.event;
    if (!parsed.cache.empty()) event.cache = cache_index(parsed.cache);
    if (!parsed.gfp.empty()) event.gfp = flags(parsed.gfp, parsed.migratetype);
    if (event.hidden) ++trace_.hidden_addresses;
    trace_.events.push_back(event);
  }
  void add(SkippedLine skipped) {
    auto known = trace_.skipped.find(skipped.what);
    if (known == trace_.skipped.end()) {
      const bool room = trace_.skipped.size() < kSkippedNames;
      known = trace_.skipped.try_emplace(std::string(room ? skipped.what : kOtherNames), 0).first;
    }
    ++known->second;
  }
  void add(LostEvents) { ++trace_.lost_records; }
  void add(BrokenLine broken) {
    if (++trace_.broken_lines <= kBrokenShown) {
      trace_.broken.push_back(fmt::format("line {}: {}", trace_.lines, broken.reason));
    }
  }

  uint32_t cache_index(std::string_view name) {
    const auto [found, added] =
        cache_indices_.try_emplace(std::string(name), static_cast<uint32_t>(trace_.caches.size()));
    if (added) trace_.caches.emplace_back(name);
    return found->second;
  }

  // A trace has few combinations of flags, so each is parsed once.
  mm::Gfp flags(std::string_view text, std::optional<unsigned> migratetype) {
    key_.assign(text);
    key_ += static_cast<char>(migratetype.value_or(127));
    auto known = flags_.find(key_);
    if (known == flags_.end()) {
      const TraceGfp parsed = parse_trace_gfp(text, migratetype);
      known = flags_.emplace(key_, KnownFlags{parsed.gfp, !parsed.unknown.empty()}).first;
      if (!parsed.unknown.empty()) name_unknown(parsed.unknown);
    }
    if (known->second.has_unknown) ++trace_.unknown_gfp;
    return known->second.gfp;
  }
  void name_unknown(std::string_view name) {
    std::vector<std::string>& names = trace_.gfp_unknown;
    if (names.size() < kGfpShown && std::find(names.begin(), names.end(), name) == names.end()) {
      names.emplace_back(name);
    }
  }

  struct KnownFlags {
    mm::Gfp gfp;
    bool has_unknown;
  };
  Trace trace_;
  std::map<std::string, uint32_t, std::less<>> cache_indices_;
  std::map<std::string, KnownFlags, std::less<>> flags_;
  std::string key_;
};

// Cuts what is read into lines; a line may span chunks.
class LineSplitter {
 public:
  explicit LineSplitter(TraceBuilder& builder) : builder_(builder) {}

  void add(std::string_view chunk) {
    for (size_t end = chunk.find('\n'); end != std::string_view::npos; end = chunk.find('\n')) {
      finish_line(chunk.substr(0, end));
      chunk.remove_prefix(end + 1);
    }
    // What is too long to be a line is dropped as it comes.
    if (rest_.size() <= kLongestLine) rest_.append(chunk);
  }
  void finish() {
    if (!rest_.empty()) finish_line({});
  }

 private:
  void finish_line(std::string_view tail) {
    if (rest_.size() + tail.size() > kLongestLine) {
      builder_.add_too_long();
    } else if (rest_.empty()) {
      builder_.add_line(tail);
    } else {
      rest_.append(tail);
      builder_.add_line(rest_);
    }
    rest_.clear();
  }

  TraceBuilder& builder_;
  std::string rest_;
};

Status read_lines(ByteSource& source, TraceBuilder& builder) {
  std::vector<char> chunk(kChunkBytes);
  LineSplitter lines(builder);
  size_t total = 0;
  for (;;) {
    const Result<size_t> got = source.read(chunk);
    if (!got) return got.error();
    if (*got == 0) break;
    lines.add({chunk.data(), *got});
    total += *got;
    if (total >= kEventlessBytes && !builder.has_events()) return {};
  }
  // The line that a cut goes through is nobody's fault.
  if (!source.is_cut()) lines.finish();
  return {};
}

// What the lines of a file without an event are, the most frequent first.
std::string what_it_holds(const Trace& trace) {
  std::vector<std::pair<uint64_t, std::string_view>> counts;
  for (const auto& [what, count] : trace.skipped) counts.emplace_back(count, what);
  std::sort(counts.rbegin(), counts.rend());
  std::string text;
  for (size_t i = 0; i < std::min<size_t>(counts.size(), 5); ++i) {
    fmt::format_to(std::back_inserter(text), "; {} x {}", counts[i].first, counts[i].second);
  }
  for (const std::string& broken : trace.broken) text += "; " + broken;
  return text;
}

}  // namespace

std::array<uint64_t, kTraceEventKinds> Trace::by_kind() const {
  std::array<uint64_t, kTraceEventKinds> counts{};
  for (const TraceEvent& event : events) ++counts[static_cast<size_t>(event.kind)];
  return counts;
}

uint64_t Trace::skipped_lines() const {
  return std::accumulate(skipped.begin(), skipped.end(), uint64_t{0},
                         [](uint64_t sum, const auto& kind) { return sum + kind.second; });
}

Result<Trace> read_trace(const std::string& path) {
  Result<std::unique_ptr<ByteSource>> source = open_bytes(path);
  if (!source) return source.error();
  TraceBuilder builder;
  if (Status read = read_lines(**source, builder); !read) return read.error();
  Trace trace = builder.take();
  trace.is_cut = (*source)->is_cut();
  if (trace.events.empty()) {
    return Error{
        Errc::kBadFormat,
        fmt::format("'{}' is no trace: none of the {} lines read is a kmem event; give the text "
                    "of `perf script`, of tracefs' trace file or of `trace-cmd report`{}{}",
                    path, trace.lines, what_it_holds(trace),
                    trace.is_cut ? "; the file is cut off" : "")};
  }
  return trace;
}

}  // namespace ring3::harness
