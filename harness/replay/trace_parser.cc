#include "harness/replay/trace_parser.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace ring3::harness {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// 0x hexadecimal or decimal, the whole text.
std::optional<uint64_t> parse_number(std::string_view text) {
  const bool hexadecimal = text.starts_with("0x");
  if (hexadecimal) text.remove_prefix(2);
  uint64_t value = 0;
  const auto [end, failure] =
      std::from_chars(text.data(), text.data() + text.size(), value, hexadecimal ? 16 : 10);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// An address: with 0x in perf script, bare hexadecimal in tracefs, "(nil)" or "(null)" for none.
std::optional<uint64_t> parse_address(std::string_view text) {
  if (text == "(nil)" || text == "(null)") return 0;
  if (text.starts_with("0x")) text.remove_prefix(2);
  uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The value of `key` (with its '=') among "key=value key=value".
std::optional<std::string_view> field(std::string_view fields, std::string_view key) {
  for (size_t at = fields.find(key); at != std::string_view::npos; at = fields.find(key, at + 1)) {
    if (at != 0 && fields[at - 1] != ' ') continue;
    const std::string_view rest = fields.substr(at + key.size());
    return rest.substr(0, rest.find(' '));
  }
  return std::nullopt;
}

struct Split {
  std::string_view before;  // process, CPU and time
  std::string_view name;    // of the event, without "kmem:"
  std::string_view fields;
};

std::string_view trim_right(std::string_view text) {
  const size_t last = text.find_last_not_of(" \t\r");
  return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

// The last ": " ends the event's name, since no field holds one; the name starts after a blank.
std::optional<Split> split_line(std::string_view line) {
  const size_t colon = line.rfind(": ");
  if (colon == std::string_view::npos) return std::nullopt;
  const size_t blank = line.rfind(' ', colon);
  if (blank == std::string_view::npos) return std::nullopt;
  std::string_view name = line.substr(blank + 1, colon - blank - 1);
  if (name.starts_with("kmem:")) name.remove_prefix(5);
  return Split{trim_right(line.substr(0, blank)), name, line.substr(colon + 2)};
}

// "... [cpu] ... seconds.fraction:", which is what stands before an event.
bool ends_with_time(std::string_view text) {
  if (!text.ends_with(':')) return false;
  text.remove_suffix(1);
  const size_t start = text.find_last_not_of("0123456789.");
  if (start == std::string_view::npos) return false;
  const std::string_view time = text.substr(start + 1);
  const bool is_time = time.size() >= 3 && is_digit(time.front()) && is_digit(time.back()) &&
                       std::count(time.begin(), time.end(), '.') == 1;
  const size_t bracket = text.rfind(']');
  return is_time && bracket != std::string_view::npos && bracket > 0 && is_digit(text[bracket - 1]);
}

std::optional<TraceEventKind> kind_of(std::string_view name) {
  // The variants with a node argument, which newer kernels no longer have, are the same event.
  if (name == "kmalloc_node") name = "kmalloc";
  if (name == "kmem_cache_alloc_node") name = "kmem_cache_alloc";
  const auto found = std::find(kTraceEventNames.begin(), kTraceEventNames.end(), name);
  if (found == kTraceEventNames.end()) return std::nullopt;
  return static_cast<TraceEventKind>(found - kTraceEventNames.begin());
}

ParsedLine parse_page_event(TraceEventKind kind, std::string_view fields) {
  const auto pfn_text = field(fields, "pfn=");
  const auto order_text = field(fields, "order=");
  if (!pfn_text || !order_text) return BrokenLine{"a page event without pfn= or order="};
  const auto pfn = parse_number(*pfn_text);
  const auto order = parse_number(*order_text);
  if (!pfn) return BrokenLine{"pfn= is no number"};
  if (!order || *order > mm::Order::kMax) return BrokenLine{"order= is no number from 0 to 10"};
  ParsedEvent parsed{
      .event = {.kind = kind, .order = static_cast<uint8_t>(*order), .gfp = {}, .identity = *pfn},
      .cache = {},
      .gfp = {}};
  if (kind == TraceEventKind::kMmPageFree) return parsed;
  // A failed allocation is traced too, as pfn -1 or 0 with a null page.
  if (const auto page = field(fields, "page="); page && parse_address(*page) == uint64_t{0}) {
    return IgnoredLine{};
  }
  const auto gfp = field(fields, "gfp_flags=");
  if (!gfp) return BrokenLine{"a page allocation without gfp_flags="};
  parsed.gfp = *gfp;
  return parsed;
}

ParsedLine parse_object_event(TraceEventKind kind, std::string_view fields) {
  const auto ptr_text = field(fields, "ptr=");
  if (!ptr_text) return BrokenLine{"an object event without ptr="};
  const auto ptr = parse_address(*ptr_text);
  if (!ptr) return BrokenLine{"ptr= is no address"};
  ParsedEvent parsed{.event = {.kind = kind, .gfp = {}, .identity = *ptr}, .cache = {}, .gfp = {}};
  if (kind == TraceEventKind::kKfree || kind == TraceEventKind::kKmemCacheFree) return parsed;
  if (*ptr == 0) return IgnoredLine{};  // a failed allocation

  const auto bytes_text = field(fields, "bytes_req=");
  const auto gfp = field(fields, "gfp_flags=");
  if (!bytes_text || !gfp) return BrokenLine{"an allocation without bytes_req= or gfp_flags="};
  const auto bytes = parse_number(*bytes_text);
  if (!bytes || *bytes > std::numeric_limits<uint32_t>::max()) {
    return BrokenLine{"bytes_req= is no number below 4G"};
  }
  parsed.event.bytes = static_cast<uint32_t>(*bytes);
  parsed.gfp = *gfp;
  // Before 6.1 the trace did not say which cache; its objects' size names it then.
  if (kind == TraceEventKind::kKmemCacheAlloc) {
    parsed.cache = field(fields, "name=").value_or(field(fields, "bytes_alloc=").value_or(""));
    if (parsed.cache.empty()) return BrokenLine{"a cache allocation without name= or bytes_alloc="};
    if (*bytes == 0) return BrokenLine{"a cache allocation of 0 bytes"};
  }
  return parsed;
}

}  // namespace

ParsedLine parse_trace_line(std::string_view line) {
  line = trim_right(line);
  const size_t start = line.find_first_not_of(" \t");
  if (start == std::string_view::npos || line[start] == '#') return IgnoredLine{};
  const auto split = split_line(line);
  const auto kind = split ? kind_of(split->name) : std::nullopt;
  if (kind && ends_with_time(split->before)) {
    return is_page_event(*kind) ? parse_page_event(*kind, split->fields)
                                : parse_object_event(*kind, split->fields);
  }
  if (line.find("PERF_RECORD_LOST") != std::string_view::npos ||
      (line.starts_with("CPU:") && line.find("[LOST ") != std::string_view::npos)) {
    return LostEvents{};
  }
  if (line.find("PERF_RECORD_") != std::string_view::npos) return IgnoredLine{};
  if (split && ends_with_time(split->before)) return IgnoredLine{};  // an event of another kind
  return BrokenLine{"not a line of perf script or tracefs"};
}

}  // namespace ring3::harness
