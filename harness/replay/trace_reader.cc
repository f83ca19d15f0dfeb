#include "harness/replay/trace_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <memory>

#include "harness/replay/trace_parser.h"

namespace ring3::harness {
namespace {

constexpr size_t kChunkBytes = size_t{1} << 20;
constexpr size_t kLongestLine = size_t{64} << 10;
constexpr size_t kBrokenShown = 5;
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
    if (!parsed.gfp.empty()) event.gfp = flags(parsed.gfp);
    trace_.events.push_back(event);
  }
  void add(IgnoredLine) { ++trace_.ignored_lines; }
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
  mm::Gfp flags(std::string_view text) {
    if (const auto known = flags_.find(text); known != flags_.end()) return known->second;
    const Result<mm::Gfp> parsed = mm::parse_gfp(text);
    const bool usable = parsed && mm::highest_zone(*parsed);
    if (!usable) {
      ++trace_.unknown_gfp;
      return mm::kGfpKernel;
    }
    return flags_.emplace(text, *parsed).first->second;
  }

  Trace trace_;
  std::map<std::string, uint32_t, std::less<>> cache_indices_;
  std::map<std::string, mm::Gfp, std::less<>> flags_;
};

Error cannot_read(const std::string& path, const char* reason) {
  return {Errc::kIo, fmt::format("cannot read trace '{}': {}", path, reason)};
}

struct GzClose {
  void operator()(gzFile file) const { gzclose(file); }
};
using GzHandle = std::unique_ptr<gzFile_s, GzClose>;

Result<GzHandle> open_trace(const std::string& path) {
  const int descriptor = path == "-" ? dup(STDIN_FILENO) : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return cannot_read(path, std::strerror(errno));
  struct stat status {};
  if (fstat(descriptor, &status) == 0 && S_ISDIR(status.st_mode)) {
    close(descriptor);
    return cannot_read(path, "it is a folder");
  }
  GzHandle file(gzdopen(descriptor, "rb"));  // reads plain files as they are
  if (file == nullptr) {
    close(descriptor);
    return cannot_read(path, "out of memory");
  }
  return file;
}

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

Status read_lines(gzFile file, const std::string& path, TraceBuilder& builder) {
  std::vector<char> chunk(kChunkBytes);
  LineSplitter lines(builder);
  size_t total = 0;
  int got;
  while ((got = gzread(file, chunk.data(), kChunkBytes)) > 0) {
    lines.add({chunk.data(), static_cast<size_t>(got)});
    total += static_cast<size_t>(got);
    if (total >= kEventlessBytes && !builder.has_events()) return {};
  }
  lines.finish();
  // A file that ends inside a compressed stream reads to its end and only then says so.
  int code = Z_OK;
  const char* message = gzerror(file, &code);
  if (got >= 0 && code != Z_BUF_ERROR) return {};
  if (code == Z_ERRNO) return cannot_read(path, std::strerror(errno));
  return Error{Errc::kBadFormat,
               fmt::format("trace '{}' is damaged or cut off: {}; make or fetch it again", path,
                           code == Z_BUF_ERROR ? "it ends in the middle" : message)};
}

}  // namespace

std::array<uint64_t, kTraceEventKinds> Trace::by_kind() const {
  std::array<uint64_t, kTraceEventKinds> counts{};
  for (const TraceEvent& event : events) ++counts[static_cast<size_t>(event.kind)];
  return counts;
}

Result<Trace> read_trace(const std::string& path) {
  Result<GzHandle> file = open_trace(path);
  if (!file) return file.error();
  TraceBuilder builder;
  if (Status read = read_lines(file->get(), path, builder); !read) return read.error();
  Trace trace = builder.take();
  if (trace.events.empty()) {
    return Error{
        Errc::kBadFormat,
        fmt::format("'{}' is no trace: none of the {} lines read is a kmem event; give the text "
                    "of `perf script` or of tracefs' trace file",
                    path, trace.lines)};
  }
  return trace;
}

}  // namespace ring3::harness
