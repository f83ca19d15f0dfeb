#include "mm/pages/mem_info.h"

#include <fmt/format.h>

#include <iterator>
#include <string_view>

namespace ring3::mm {
namespace {

constexpr uint64_t kib(uint64_t pages) { return pages * (kPageSize / 1024); }
constexpr uint64_t kib(PageCount pages) { return kib(pages.value()); }

uint64_t on_cpus(const ZoneFacts& zone) {
  uint64_t pages = 0;
  for (const PagesetFacts& pageset : zone.pagesets) pages += pageset.count;
  return pages;
}

std::string zone_text(const ZoneFacts& zone, unsigned cpu) {
  std::string text = fmt::format(
      "Node {} {} free:{}kB boost:0kB min:{}kB low:{}kB high:{}kB reserved_highatomic:0KB "
      "active_anon:0kB inactive_anon:0kB active_file:0kB inactive_file:0kB unevictable:0kB "
      "writepending:0kB present:{}kB managed:{}kB mlocked:0kB bounce:0kB free_pcp:{}kB "
      "local_pcp:{}kB free_cma:0kB\nlowmem_reserve[]:",
      zone.node, zone.name, kib(zone.free), kib(zone.marks.min), kib(zone.marks.low),
      kib(zone.marks.high), kib(zone.present), kib(zone.managed), kib(on_cpus(zone)),
      cpu < zone.pagesets.size() ? kib(zone.pagesets[cpu].count) : 0);
  for (const uint64_t pages : zone.protection) {
    fmt::format_to(std::back_inserter(text), " {}", pages);
  }
  return text + "\n";
}

std::string blocks_text(const ZoneFacts& zone) {
  constexpr std::string_view kLetters = "UMEH";
  static_assert(kLetters.size() == kMigratetypes);
  std::string text = fmt::format("Node {} {}: ", zone.node, zone.name);
  uint64_t total = 0;
  for (Order order(0); order.valid(); order = order.higher()) {
    uint64_t blocks = 0;
    std::string letters;
    for (size_t type = 0; type < kMigratetypes; ++type) {
      const uint64_t of_type = zone.free_blocks[type][order.value()];
      blocks += of_type;
      if (of_type != 0) letters += kLetters[type];
    }
    total += blocks * order.pages().value();
    fmt::format_to(std::back_inserter(text), "{}*{}kB ", blocks, kib(order.pages()));
    if (blocks != 0) fmt::format_to(std::back_inserter(text), "({}) ", letters);
  }
  return text + fmt::format("= {}kB\n", kib(total));
}

}  // namespace

std::string mem_info_text(std::span<const ZoneFacts> zones, unsigned cpu) {
  uint64_t free = 0;
  uint64_t free_pcp = 0;
  uint64_t pages = 0;
  uint64_t movable_only = 0;
  uint64_t reserved = 0;
  std::string of_zones;
  std::string of_blocks;
  for (const ZoneFacts& zone : zones) {
    if (!zone.populated()) continue;
    free += zone.free;
    free_pcp += on_cpus(zone);
    pages += zone.present;
    reserved += zone.present - zone.managed;
    const bool is_upper =
        zone.name == zone_name(ZoneType::kMovable) || zone.name == zone_name(ZoneType::kHighmem);
    if (is_upper) movable_only += zone.present;
    of_zones += zone_text(zone, cpu);
    of_blocks += blocks_text(zone);
  }
  return fmt::format(
      "Mem-Info:\n free:{} free_pcp:{} free_cma:0\n{}{}"
      "{} pages RAM\n{} pages HighMem/MovableOnly\n{} pages reserved\n",
      free, free_pcp, of_zones, of_blocks, pages, movable_only, reserved);
}

}  // namespace ring3::mm
