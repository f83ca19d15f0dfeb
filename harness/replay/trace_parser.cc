#include "harness/replay/trace_parser.h"

#include <algorithm>
#include <array>
#include <limits>

#include "lib/lines.h"
#include "lib/numbers.h"

namespace ring3::harness {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_hex_digit(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }
constexpr bool is_name_character(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

// ---- Values. ----

// 0x hexadecimal or decimal, the whole text.
std::optional<uint64_t> parse_number(std::string_view text) {
  return text.starts_with("0x") ? whole_number(text.substr(2), 16) : whole_number(text);
}

// An address: with 0x in perf script, bare hexadecimal in tracefs, "(nil)" or "(null)" for none. A
// kernel that hides addresses prints "(____ptrval____)" or "(ptrval)" for all of them.
struct Address {
  uint64_t value = 0;
  bool hidden = false;
};
std::optional<Address> parse_address(std::string_view text) {
  if (text == "(nil)" || text == "(null)") return Address{};
  if (text.ends_with("ptrval____)") || text.ends_with("(ptrval)")) return Address{0, true};
  if (text.starts_with("0x")) text.remove_prefix(2);
  const auto value = whole_number(text, 16);
  if (!value) return std::nullopt;
  return Address{*value, false};
}

// The value of `key` among "key=value key=value", "key = value, key = value" or "key: value, ...".
std::optional<std::string_view> field(std::string_view fields, std::string_view key) {
  for (size_t at = fields.find(key); at != std::string_view::npos; at = fields.find(key, at + 1)) {
    if (at != 0 && is_name_character(fields[at - 1])) continue;
    std::string_view rest = trim_left(fields.substr(at + key.size()));
    if (rest.empty() || (rest.front() != '=' && rest.front() != ':')) continue;
    rest = trim_left(rest.substr(1));  // old kernels pad: "ptr=  (null)"
    std::string_view value = rest.substr(0, rest.find_first_of(" ,}"));
    // The bracket that ends the fields of perf trace is not the value's.
    if (value.ends_with(')') && value.find('(') == std::string_view::npos) value.remove_suffix(1);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
      value = value.substr(1, value.size() - 2);
    }
    return value;
  }
  return std::nullopt;
}

// ---- Where the event is. ----

// The event called `name`, under any of the names it has had.
std::optional<TraceEventKind> kind_of(std::string_view name) {
  struct Alias {
    std::string_view name;
    TraceEventKind kind;
  };
  constexpr auto kAliases = std::to_array<Alias>({
      {"kmalloc_node", TraceEventKind::kKmalloc},                  // to 6.0
      {"kmem_cache_alloc_node", TraceEventKind::kKmemCacheAlloc},  // to 6.0
      {"mm_page_free_direct", TraceEventKind::kMmPageFree},        // to 3.2
      {"kmem_kmalloc", TraceEventKind::kKmalloc},                  // LTTng's
      {"kmem_kmalloc_node", TraceEventKind::kKmalloc},
      {"kmem_kfree", TraceEventKind::kKfree},
      {"kmem_mm_page_alloc", TraceEventKind::kMmPageAlloc},
      {"kmem_mm_page_free", TraceEventKind::kMmPageFree},
  });
  const auto found = std::find(kTraceEventNames.begin(), kTraceEventNames.end(), name);
  if (found != kTraceEventNames.end()) {
    return static_cast<TraceEventKind>(found - kTraceEventNames.begin());
  }
  const auto alias = std::find_if(kAliases.begin(), kAliases.end(),
                                  [name](const Alias& a) { return a.name == name; });
  if (alias != kAliases.end()) return alias->kind;
  return std::nullopt;
}

struct Split {
  TraceEventKind kind;
  std::string_view fields;
};

// The last of our names that fields could follow: a process may be called like an event, and stands
// before it. A name that is a field's value is none.
std::optional<Split> split_line(std::string_view line) {
  for (size_t end = line.find_last_of(":("); end != std::string_view::npos && end != 0;
       end = line.find_last_of(":(", end - 1)) {
    size_t start = end;
    while (start != 0 && is_name_character(line[start - 1])) --start;
    if (start == end || (start != 0 && line[start - 1] == '=')) continue;
    if (const auto kind = kind_of(line.substr(start, end - start))) {
      return Split{*kind, line.substr(end + 1)};
    }
  }
  return std::nullopt;
}

// The name of an event that is none of ours: the last word with a colon before the first field.
std::string_view other_event(std::string_view line) {
  const std::string_view before = line.substr(0, std::min(line.find('='), line.size()));
  for (size_t end = before.rfind(':'); end != std::string_view::npos && end != 0;
       end = before.rfind(':', end - 1)) {
    size_t start = end;
    while (start != 0 && is_name_character(before[start - 1])) --start;
    if (start != end && !is_digit(before[start])) return before.substr(start, end - start);
  }
  return {};
}

// Return addresses under an event: "  ffffffff81234567 __alloc_pages+0x1 (vmlinux)".
bool is_call_chain(std::string_view line) {
  size_t digits = 0;
  while (digits < line.size() && is_hex_digit(line[digits])) ++digits;
  return (digits >= 4 && digits < line.size() && line[digits] == ' ' &&
          line.find(":") == std::string_view::npos) ||
         line.starts_with("=> ");
}

// What trace-cmd, babeltrace and function_graph print around events.
bool is_header(std::string_view line) {
  return line.starts_with("cpus=") || line.starts_with("version =") ||
         (line.starts_with("CPU ") && line.ends_with("is empty")) ||
         (line.starts_with("CPU:") && line.ends_with("]")) ||
         line.find(" |  ") != std::string_view::npos;
}

SkippedLine skipped(std::string_view what) { return {what}; }

// ---- Events. ----

constexpr std::string_view kFailedAllocation = "failed allocation";

ParsedLine parse_page_event(TraceEventKind kind, std::string_view fields) {
  const auto pfn_text = field(fields, "pfn");
  const auto order_text = field(fields, "order");
  if (!pfn_text || !order_text) return BrokenLine{"a page event without pfn= or order="};
  const bool no_page = *pfn_text == "-1" || *pfn_text == "0xffffffffffffffff";
  const auto pfn = no_page ? std::optional<uint64_t>(0) : parse_number(*pfn_text);
  const auto order = parse_number(*order_text);
  if (!pfn) return BrokenLine{"pfn= is no number"};
  if (!order || *order > mm::Order::kMax) return BrokenLine{"order= is no number from 0 to 10"};
  ParsedEvent parsed{
      .event = {.kind = kind, .order = static_cast<uint8_t>(*order), .gfp = {}, .identity = *pfn},
      .cache = {},
      .gfp = {},
      .migratetype = {}};
  if (kind == TraceEventKind::kMmPageFree) return parsed;
  // A failed allocation is traced too, as pfn -1 or 0 with a null page. A null page alone is what
  // some recorders make of an address that they may not show.
  const auto page = field(fields, "page");
  const bool null_page = page && parse_address(*page).value_or(Address{1}).value == 0;
  if (no_page || (*pfn == 0 && null_page)) return skipped(kFailedAllocation);
  const auto gfp = field(fields, "gfp_flags");
  if (!gfp) return BrokenLine{"a page allocation without gfp_flags="};
  parsed.gfp = *gfp;
  if (const auto type = field(fields, "migratetype")) {
    if (const auto number = parse_number(*type))
      parsed.migratetype = static_cast<unsigned>(*number);
  }
  return parsed;
}

ParsedLine parse_object_event(TraceEventKind kind, std::string_view fields) {
  const auto ptr_text = field(fields, "ptr");
  if (!ptr_text) return BrokenLine{"an object event without ptr="};
  const auto ptr = parse_address(*ptr_text);
  if (!ptr) return BrokenLine{"ptr= is no address"};
  ParsedEvent parsed{
      .event = {.kind = kind, .hidden = ptr->hidden, .gfp = {}, .identity = ptr->value},
      .cache = {},
      .gfp = {},
      .migratetype = {}};
  if (kind == TraceEventKind::kKfree || kind == TraceEventKind::kKmemCacheFree) return parsed;
  if (ptr->value == 0 && !ptr->hidden) return skipped(kFailedAllocation);

  const auto bytes_text = field(fields, "bytes_req");
  const auto gfp = field(fields, "gfp_flags");
  if (!bytes_text || !gfp) return BrokenLine{"an allocation without bytes_req= or gfp_flags="};
  const auto bytes = parse_number(*bytes_text);
  if (!bytes || *bytes > std::numeric_limits<uint32_t>::max()) {
    return BrokenLine{"bytes_req= is no number below 4G"};
  }
  parsed.event.bytes = static_cast<uint32_t>(*bytes);
  parsed.gfp = *gfp;
  // Before 6.1 the trace did not say which cache; its objects' size names it then.
  if (kind == TraceEventKind::kKmemCacheAlloc) {
    parsed.cache = field(fields, "name").value_or(field(fields, "bytes_alloc").value_or(""));
    if (parsed.cache.empty()) return BrokenLine{"a cache allocation without name= or bytes_alloc="};
    if (*bytes == 0) return BrokenLine{"a cache allocation of 0 bytes"};
  }
  return parsed;
}

}  // namespace

ParsedLine parse_trace_line(std::string_view line) {
  line = trim(line);
  if (line.empty()) return skipped("empty line");
  if (line.front() == '#') return skipped("comment");
  if (line.find("PERF_RECORD_LOST") != std::string_view::npos ||
      (line.starts_with("CPU:") && line.find("[LOST ") != std::string_view::npos)) {
    return LostEvents{};
  }
  if (const auto split = split_line(line)) {
    return is_page_event(split->kind) ? parse_page_event(split->kind, split->fields)
                                      : parse_object_event(split->kind, split->fields);
  }
  if (line.find("PERF_RECORD_") != std::string_view::npos) return skipped("task record");
  if (is_call_chain(line)) return skipped("call chain");
  if (is_header(line)) return skipped("header");
  if (const std::string_view name = other_event(line); !name.empty()) return skipped(name);
  return BrokenLine{"no event"};
}

}  // namespace ring3::harness
