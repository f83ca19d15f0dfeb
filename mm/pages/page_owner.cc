#include "mm/pages/page_owner.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

#include "lib/cpu/task.h"
#include "lib/os.h"

namespace ring3::mm {
namespace {

// Bits of the kernel's page flags.
constexpr unsigned kHeadFlag = 1u << 6;
constexpr unsigned kSlabFlag = 1u << 9;

std::array<char, 16> comm_of(const Task& task) {
  std::array<char, 16> comm{};
  const std::string name = task.name();
  name.copy(comm.data(), comm.size() - 1);
  return comm;
}

}  // namespace

Result<PageOwners> PageOwners::create(PageCount count) {
  Result<os::Reservation> memory = os::reserve(count.value() * sizeof(Words), sizeof(Words));
  if (!memory) return memory.error();
  Result<StackDepot> depot = StackDepot::create();
  if (!depot) return depot.error();
  return PageOwners(std::move(*memory), std::move(*depot));
}

PageOwners::PageOwners(os::Reservation memory, StackDepot depot)
    : memory_(std::move(memory)),
      depot_(std::move(depot)),
      records_(reinterpret_cast<Words*>(memory_.base())) {}

// A record promises nothing but to be what somebody wrote. Release pairs with the acquire in of():
// whoever reads a handle finds its trace in the depot.
void PageOwners::write(Pfn head, const Record& record) {
  const auto pair = [](auto low, auto high) {
    return uint64_t{static_cast<uint32_t>(low)} | uint64_t{static_cast<uint32_t>(high)} << 32;
  };
  const auto comm = std::bit_cast<std::array<uint64_t, 2>>(record.comm);
  const std::array<uint64_t, kWords> words = {static_cast<uint64_t>(record.allocated.value()),
                                              static_cast<uint64_t>(record.freed.value()),
                                              pair(record.allocated_by, record.freed_by),
                                              pair(record.gfp.bits(), record.order.value()),
                                              pair(record.pid, record.tgid),
                                              comm[0],
                                              comm[1],
                                              pair(record.free_pid, 0)};
  for (size_t i = 0; i < kWords; ++i) {
    AtomicRef<uint64_t>(records_[head.value()].words[i]).store(words[i], std::memory_order_release);
  }
}

PageOwners::Record PageOwners::of(Pfn head) const {
  std::array<uint64_t, kWords> words;
  for (size_t i = 0; i < kWords; ++i) {
    words[i] = AtomicRef<uint64_t>(records_[head.value()].words[i]).load(std::memory_order_acquire);
  }
  const auto low = [](uint64_t word) { return static_cast<uint32_t>(word); };
  const auto high = [](uint64_t word) { return static_cast<uint32_t>(word >> 32); };
  return {.order = Order(high(words[3])),
          .gfp = Gfp(low(words[3])),
          .pid = static_cast<int32_t>(low(words[4])),
          .tgid = static_cast<int32_t>(high(words[4])),
          .comm = std::bit_cast<std::array<char, 16>>(std::array{words[5], words[6]}),
          .free_pid = static_cast<int32_t>(low(words[7])),
          .allocated = Nanos(static_cast<int64_t>(words[0])),
          .freed = Nanos(static_cast<int64_t>(words[1])),
          .allocated_by = low(words[2]),
          .freed_by = high(words[2])};
}

void PageOwners::allocated(Pfn head, Order order, Gfp gfp, uintptr_t caller, bool may_wait) {
  const Task& task = Task::current();
  Record record = of(head);
  record.order = order;
  record.gfp = gfp;
  record.pid = task.id();
  record.tgid = getpid();
  record.comm = comm_of(task);
  record.allocated = os::monotonic_now();
  record.allocated_by = depot_.save(StackTrace::capture(caller), may_wait);
  write(head, record);
}

void PageOwners::freed(Pfn head, uintptr_t caller, bool may_wait) {
  Record record = of(head);
  record.free_pid = Task::current().id();
  record.freed = os::monotonic_now();
  record.freed_by = depot_.save(StackTrace::capture(caller), may_wait);
  write(head, record);
}

void PageOwners::split(Pfn head, Order order, Pfn piece, Order piece_order) {
  DCHECK(piece < head + order.pages());
  Record record = of(head);
  record.order = piece_order;
  write(piece, record);
}

PageOwners::Record PageOwners::of_page(const Memmap& memmap, Pfn pfn) const {
  const Pfn head = memmap.head_of(pfn);
  if (memmap.state(head).kind() == PageState::kAllocated) return of(head);
  // What is free may have merged: the last of the blocks that it may have been in.
  Record last;
  for (Order order(0); order.valid(); order = order.higher()) {
    const Record record = of(Pfn(align_down(pfn.value(), order.pages().value())));
    if (record.order >= order && record.last() > last.last()) last = record;
  }
  return last;
}

std::string page_owner_report(const PageOwners& owners, const Memmap& memmap, Pfn pfn) {
  const PageOwners::Record record = owners.of_page(memmap, pfn);
  if (record.allocated == Nanos(0)) return "page_owner info is not present\n";
  const bool allocated = memmap.state(memmap.head_of(pfn)).kind() == PageState::kAllocated;
  std::string text = fmt::format(
      "page_owner tracks the page as {}\n"
      "page last allocated via order {}, migratetype {}, gfp_mask {:#x}({}), pid {}, tgid {} ({}), "
      "ts {}, free_ts {}\n",
      allocated ? "allocated" : "freed", record.order.value(),
      migratetype_name(migratetype_of(record.gfp)), record.gfp.bits(), to_string(record.gfp),
      record.pid, record.tgid, record.comm_text(), record.allocated.value(), record.freed.value());
  text += describe_stack(owners.frames(record.allocated_by));
  if (record.freed == Nanos(0)) return text + "page_owner free stack trace missing\n";
  fmt::format_to(std::back_inserter(text), "page last free pid {} tgid {} stack trace:\n",
                 record.free_pid, record.tgid);
  return text + describe_stack(owners.frames(record.freed_by));
}

std::string page_owner_text(const PageOwners& owners, const Memmap& memmap, ZoneSet zones) {
  std::string text;
  memmap.for_each_allocated_block([&](Pfn pfn, FrameState state) {
    const PageOwners::Record record = owners.of(pfn);
    const Pageblock pageblock = memmap.pageblock(pfn);
    const bool slab = state.owner() == PageOwner::kSlab;
    fmt::format_to(std::back_inserter(text),
                   "Page allocated via order {}, mask {:#x}({}), pid {}, tgid {} ({}), ts {} ns\n"
                   "PFN {:#x} type {} Block {} type {} Flags {:#x}({}{}node={}|zone={})\n{}\n",
                   state.order().value(), record.gfp.bits(), to_string(record.gfp), record.pid,
                   record.tgid, record.comm_text(), record.allocated.value(), pfn.value(),
                   migratetype_name(migratetype_of(record.gfp)), pfn.value() / kPageblockFrames,
                   migratetype_name(pageblock.type()),
                   (state.compound() ? kHeadFlag : 0) | (slab ? kSlabFlag : 0),
                   state.compound() ? "head|" : "", slab ? "slab|" : "", pageblock.node(),
                   zone_number(zones, pageblock.zone()),
                   describe_stack(owners.frames(record.allocated_by)));
    return true;
  });
  return text;
}

void count_mixed_pageblocks(const PageOwners& owners, const Memmap& memmap,
                            std::vector<ZoneFacts>& facts) {
  for (ZoneFacts& zone : facts) zone.mixed_pageblocks.emplace();
  Pfn counted = kNoPfn;  // of the pageblock that was found to be mixed last
  memmap.for_each_allocated_block([&](Pfn pfn, FrameState) {
    const Pfn start(align_down(pfn.value(), kPageblockFrames));
    const Pageblock pageblock = memmap.pageblock(pfn);
    if (start == counted || migratetype_of(owners.of(pfn).gfp) == pageblock.type()) return true;
    counted = start;
    for (ZoneFacts& zone : facts) {
      if (pfn.value() - zone.start_pfn >= zone.spanned) continue;
      ++(*zone.mixed_pageblocks)[static_cast<size_t>(pageblock.type())];
    }
    return true;
  });
}

std::string page_owner_stacks_text(const PageOwners& owners, const Memmap& memmap) {
  std::map<StackDepot::Handle, uint64_t> pages_of;
  memmap.for_each_allocated_block([&](Pfn pfn, FrameState state) {
    pages_of[owners.of(pfn).allocated_by] += state.order().pages().value();
    return true;
  });
  std::vector<std::pair<uint64_t, StackDepot::Handle>> stacks;
  for (const auto& [handle, pages] : pages_of) stacks.emplace_back(pages, handle);
  std::ranges::sort(stacks, std::greater());
  std::string text;
  for (const auto& [pages, handle] : stacks) {
    fmt::format_to(std::back_inserter(text), "{}nr_base_pages: {}\n\n",
                   describe_stack(owners.frames(handle)), pages);
  }
  return text;
}

std::string allocinfo_text(const PageOwners& owners, const Memmap& memmap) {
  struct Use {
    uint64_t bytes = 0;
    uint64_t calls = 0;
  };
  std::map<uintptr_t, Use> by_site;
  memmap.for_each_allocated_block([&](Pfn pfn, FrameState state) {
    const auto frames = owners.frames(owners.of(pfn).allocated_by);
    Use& use = by_site[frames.empty() ? 0 : frames.front()];
    use.bytes += state.order().bytes();
    ++use.calls;
    return true;
  });
  std::string text = "allocinfo - version: 1.0\n#     <size>  <calls> <tag info>\n";
  for (const auto& [site, use] : by_site) {
    const SourceLine line = source_line(site);
    fmt::format_to(std::back_inserter(text), "{:12} {:8} {}:{} func:{}\n", use.bytes, use.calls,
                   line.file, line.line, line.function);
  }
  return text;
}

}  // namespace ring3::mm
