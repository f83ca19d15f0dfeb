#include "mm/pages/proc_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <optional>
#include <string_view>

#include "mm/pages/fragmentation_index.h"
#include "mm/pages/vmstat_names.h"

namespace ring3::mm {
namespace {

template <class... Args>
void add(std::string& text, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(std::back_inserter(text), format, std::forward<Args>(args)...);
}

// A line for each populated zone and what row(text, zone) adds to it.
template <class Row>
std::string line_by_line(std::span<const ZoneFacts> zones, Row row) {
  std::string text;
  for (const ZoneFacts& zone : zones) {
    if (!zone.populated()) continue;
    add(text, "Node {}, zone {:>8} ", zone.node, zone.name);
    row(text, zone);
    text += '\n';
  }
  return text;
}

// A head with the names of the types, and a line a zone with what counts(zone) has of each.
template <class Counts>
void add_type_counts(std::string& text, std::string_view about, std::span<const ZoneFacts> zones,
                     Counts counts) {
  add(text, "{:<23}", about);
  for (size_t type = 0; type < kMigratetypes; ++type) {
    add(text, "{:>12} ", migratetype_name(static_cast<Migratetype>(type)));
  }
  text += '\n';
  text += line_by_line(zones, [&](std::string& row, const ZoneFacts& zone) {
    for (const uint64_t blocks : counts(zone)) add(row, "{:12} ", blocks);
  });
}

uint64_t free_in_whole_pageblocks(const ZoneFacts& zone) {
  const auto blocks = zone.blocks_by_order();
  uint64_t pages = 0;
  for (Order order = kPageblockOrder; order.valid(); order = order.higher()) {
    pages += blocks[order.value()] * order.pages().value();
  }
  return pages;
}

// The value of a zone's counter or event; those that ring3 does not have are 0.
uint64_t value_of(const ZoneFacts& zone, std::string_view name) {
  if (name == "nr_free_pages") return zone.free;
  if (name == "nr_free_pages_blocks") return free_in_whole_pageblocks(zone);
  if (name == "numa_hit") return zone.numa_hit;
  if (name == "numa_miss") return zone.numa_miss;
  if (name == "numa_foreign") return zone.numa_foreign;
  if (name == "numa_local") return zone.numa_local;
  if (name == "numa_other") return zone.numa_other;
  return 0;
}

void add_counters(std::string& text, std::span<const std::string_view> names,
                  const ZoneFacts* zone) {
  for (const std::string_view name : names) {
    add(text, "      {:<12} {}\n", name, zone == nullptr ? 0 : value_of(*zone, name));
  }
}

void add_pagesets(std::string& text, const ZoneFacts& zone) {
  text += "  pagesets\n";
  for (size_t cpu = 0; cpu < zone.pagesets.size(); ++cpu) {
    const PagesetFacts& set = zone.pagesets[cpu];
    add(text,
        "    cpu: {}\n"
        "              count:    {}\n"
        "              high:     {}\n"
        "              batch:    {}\n"
        "              high_min: {}\n"
        "              high_max: {}\n"
        "  vm stats threshold: {}\n",
        cpu, set.count, set.high, set.batch, set.high_min, set.high_max, set.stat_threshold);
  }
}

// As TEXTS_FOR_ZONES has it: "dma32", and "high" of HighMem.
std::string event_suffix(std::string_view zone) {
  std::string lowered(zone == zone_name(ZoneType::kHighmem) ? "High" : zone);
  std::ranges::transform(lowered, lowered.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lowered;
}

}  // namespace

std::string buddyinfo_text(std::span<const ZoneFacts> zones) {
  return line_by_line(zones, [](std::string& text, const ZoneFacts& zone) {
    for (const uint64_t blocks : zone.blocks_by_order()) add(text, "{:6} ", blocks);
  });
}

std::string pagetypeinfo_text(std::span<const ZoneFacts> zones) {
  std::string text =
      fmt::format("Page block order: {}\nPages per block:  {}\n\n{:<43} ", kPageblockOrder.value(),
                  kPageblockFrames, "Free pages count per migrate type at order");
  for (unsigned order = 0; order < kOrders; ++order) add(text, "{:6} ", order);
  text += '\n';
  for (const ZoneFacts& zone : zones) {
    if (!zone.populated()) continue;
    for (size_t type = 0; type < kMigratetypes; ++type) {
      add(text, "Node {:4}, zone {:>8}, type {:>12} ", zone.node, zone.name,
          migratetype_name(static_cast<Migratetype>(type)));
      for (const uint64_t blocks : zone.free_blocks[type]) add(text, "{:6} ", blocks);
      text += '\n';
    }
  }
  text += '\n';
  add_type_counts(text, "Number of blocks type ", zones,
                  [](const ZoneFacts& zone) { return zone.pageblocks; });
  const bool mixed = std::ranges::any_of(
      zones, [](const ZoneFacts& zone) { return zone.mixed_pageblocks.has_value(); });
  if (mixed) {
    add_type_counts(text, "\nNumber of mixed blocks ", zones, [](const ZoneFacts& zone) {
      return zone.mixed_pageblocks.value_or(std::array<uint64_t, kMigratetypes>{});
    });
  }
  return text;
}

std::string zoneinfo_text(std::span<const ZoneFacts> zones) {
  std::string text;
  std::optional<unsigned> told;  // of this node, what it has of its own
  for (const ZoneFacts& zone : zones) {
    add(text, "Node {}, zone {:>8}\n", zone.node, zone.name);
    if (zone.populated() && told != zone.node) {
      text += "  per-node stats\n";
      add_counters(text, kNodeCounters, nullptr);
      told = zone.node;
    }
    add(text,
        "  pages free     {}\n"
        "        boost    0\n"
        "        min      {}\n"
        "        low      {}\n"
        "        high     {}\n"
        "        promo    {}\n"
        "        spanned  {}\n"
        "        present  {}\n"
        "        managed  {}\n"
        "        cma      0\n"
        "        protection: ({})\n",
        zone.free, zone.marks.min.value(), zone.marks.low.value(), zone.marks.high.value(),
        zone.marks.promo.value(), zone.spanned, zone.present, zone.managed,
        fmt::join(zone.protection, ", "));
    if (!zone.populated()) continue;
    add_counters(text, kZoneCounters, &zone);
    add_counters(text, kNumaEvents, &zone);
    add_pagesets(text, zone);
    add(text, "  node_unreclaimable:  0\n  start_pfn:           {}\n", zone.start_pfn);
  }
  return text;
}

std::string unusable_index_text(std::span<const ZoneFacts> zones) {
  return line_by_line(zones, [](std::string& text, const ZoneFacts& zone) {
    for (Order order(0); order.valid(); order = order.higher()) {
      const uint64_t index = unusable_free_index(zone.blocks_by_order(), order);
      add(text, "{}.{:03} ", index / 1000, index % 1000);
    }
  });
}

std::string extfrag_index_text(std::span<const ZoneFacts> zones) {
  return line_by_line(zones, [](std::string& text, const ZoneFacts& zone) {
    for (Order order(0); order.valid(); order = order.higher()) {
      const int64_t index = fragmentation_index(zone.blocks_by_order(), order);
      add(text, "{:2}.{:03} ", index / 1000, index % 1000);
    }
  });
}

std::string vmstat_text(std::span<const ZoneFacts> zones, const VmEvents& events) {
  std::string text;
  const auto sum = [&](auto value) {
    uint64_t total = 0;
    for (const ZoneFacts& zone : zones) total += value(zone);
    return total;
  };
  const auto add_sums = [&](std::span<const std::string_view> names) {
    for (const std::string_view name : names) {
      add(text, "{} {}\n", name,
          sum([name](const ZoneFacts& zone) { return value_of(zone, name); }));
    }
  };
  // What was handed out and is not in use any more.
  const uint64_t freed = sum([](const ZoneFacts& zone) { return zone.allocated - zone.in_use; });
  add_sums(kZoneCounters);
  add_sums(kNumaEvents);
  add_sums(kNodeCounters);
  add_sums(kGlobalCounters);
  add_sums(kEventsBeforeZones);
  for (const std::string_view event : kZoneEvents) {
    for (const ZoneFacts& first : zones) {
      if (first.node != zones.front().node) break;
      add(text, "{}{} {}\n", event, event_suffix(first.name), sum([&](const ZoneFacts& zone) {
            if (zone.name != first.name) return uint64_t{0};
            return event == "pgalloc_"      ? zone.allocated
                   : event == "allocstall_" ? zone.stalls
                                            : uint64_t{0};
          }));
    }
  }
  for (const std::string_view name : kEventsAfterZones) {
    add(text, "{} {}\n", name,
        name == "pgfree"          ? freed
        : name == "slabs_scanned" ? events.slabs_scanned
        : name == "oom_kill"      ? events.oom_kills
                                  : uint64_t{0});
  }
  return text + "nr_unstable 0\n";
}

}  // namespace ring3::mm
