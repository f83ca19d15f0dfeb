#include "mm/pages/packed_blocks.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "lib/bits.h"
#include "lib/tracepoint.h"
#include "mm/pages/kernel_rules.h"

namespace ring3::mm {
namespace {

// Exchanges the head at `index` for the last, and leaves it out.
void move_to_end(std::span<Frame>& heads, size_t index) {
  std::swap(heads[index], heads.back());
  heads = heads.first(heads.size() - 1);
}

}  // namespace

const PagePolicy kPackedPolicy{.name = "packed",
                               .make = PackedBlocks::create,
                               .orders_on_cpus = (1u << kOrders) - 1,
                               .smallest_region = PageCount((size_t{256} << 20) / kPageSize),
                               .finds_doubles = true};

Result<std::unique_ptr<FreeBlocks>> PackedBlocks::create(const Memmap& memmap, Pfn start, Pfn end) {
  const Pfn base(align_down(start.value(), kMaxOrder.pages().value()));
  const size_t pairs = div_round_up((end - base).value(), kMaxOrder.pages().value());
  Result<os::Reservation> words =
      os::reserve(2 * pairs * sizeof(PageblockWords), sizeof(PageblockWords));
  if (!words) return words.error();
  Result<os::Reservation> rooms = os::reserve(2 * pairs * sizeof(Room), sizeof(Room));
  if (!rooms) return rooms.error();
  std::array<OfType, kRequestTypes> by_type;
  for (OfType& of : by_type) {
    for (Order order(0); order < kPageblockOrder; order = order.higher()) {
      Result<IndexSet> set = IndexSet::create(2 * pairs);
      if (!set) return set.error();
      of.in_use.push_back(std::move(*set));
    }
  }
  Result<IndexSet> single_set = IndexSet::create(2 * pairs);
  if (!single_set) return single_set.error();
  Result<IndexSet> pair_set = IndexSet::create(pairs);
  if (!pair_set) return pair_set.error();
  return std::unique_ptr<FreeBlocks>(
      new PackedBlocks(memmap, start, end, base, std::move(*words), std::move(*rooms),
                       std::move(by_type), std::move(*single_set), std::move(*pair_set)));
}

PackedBlocks::PackedBlocks(const Memmap& memmap, Pfn start, Pfn end, Pfn base,
                           os::Reservation words, os::Reservation rooms,
                           std::array<OfType, kRequestTypes> by_type, IndexSet singles,
                           IndexSet pairs)
    : memmap_(memmap),
      start_(start),
      end_(end),
      base_(static_cast<Frame>(base.value())),
      words_memory_(std::move(words)),
      rooms_memory_(std::move(rooms)),
      words_(reinterpret_cast<PageblockWords*>(words_memory_.base())),
      rooms_(reinterpret_cast<Room*>(rooms_memory_.base())),
      by_type_(std::move(by_type)),
      singles_(std::move(singles)),
      pairs_(std::move(pairs)) {
  of(Migratetype::kMovable).with_exactly[0] = pageblocks();
}

PackedBlocks::Room PackedBlocks::room_of(const PageblockWords& words) {
  const WordKinds kinds(words);
  if (kinds.full != 0) return static_cast<Room>(kWordOrder + longest_run(kinds.full) + 1);
  unsigned room = 0;
  for (uint64_t bits = kinds.partial; bits != 0; bits &= bits - 1) {
    room = std::max(room, longest_run(words[static_cast<size_t>(std::countr_zero(bits))]) + 1);
  }
  return static_cast<Room>(room);
}

void PackedBlocks::set_room(size_t pageblock, Room room) {
  const Room before = rooms_[pageblock];
  if (room == before) return;
  if (before == kWhole) {
    remove_whole(pageblock);
  } else {
    of(type_of(pageblock)).leave(pageblock, before);
  }
  if (room == kWhole) {
    add_whole(pageblock);
  } else {
    of(type_of(pageblock)).enter(pageblock, room);
  }
  rooms_[pageblock] = room;
}

void PackedBlocks::set_type(size_t pageblock, Migratetype type) {
  const Migratetype before = type_of(pageblock);
  if (type == before) return;
  const Room room = rooms_[pageblock];
  if (room != kWhole) {
    of(before).leave(pageblock, room);
    of(type).enter(pageblock, room);
  }
  memmap_.set_type(Pfn(first_frame(pageblock)), type);
}

size_t PackedBlocks::OfType::lowest(Order order) const {
  size_t lowest = IndexSet::kNone;
  for (unsigned o = order.value(); o < kPageblockOrder.value(); ++o) {
    if (with_exactly[o + 1] != 0) lowest = std::min(lowest, in_use[o].at_or_after(0));
  }
  return lowest;
}

size_t PackedBlocks::open_another(Order order, Migratetype type, Reach reach) {
  if (reach == Reach::kOwn) return IndexSet::kNone;
  if (const size_t whole = lowest_whole(); whole != IndexSet::kNone) {
    set_type(whole, type);
    words_[whole].fill(~uint64_t{0});
    return whole;
  }
  if (reach == Reach::kWhole) return IndexSet::kNone;
  for (unsigned o = kPageblockOrder.value(); o-- > order.value();) {
    for (const Migratetype other : rules::fallbacks_of(type)) {
      const size_t found = of(other).lowest(Order(o));
      if (found == IndexSet::kNone) continue;
      RING3_TRACE5(mm_page_alloc_extfrag, first_frame(found), order.value(), o,
                   static_cast<unsigned>(type), static_cast<unsigned>(other));
      uint64_t free = 0;
      for (const uint64_t word : words_[found]) free += static_cast<uint64_t>(std::popcount(word));
      if (free >= kPageblockFrames / 2) set_type(found, type);
      return found;
    }
  }
  return IndexSet::kNone;
}

void PackedBlocks::add_whole(size_t pageblock) {
  const size_t buddy = pageblock ^ 1;
  if (rooms_[buddy] != kWhole) {
    singles_.insert(pageblock);
    ++single_count_;
    return;
  }
  singles_.erase(buddy);
  --single_count_;
  pairs_.insert(pageblock / 2);
  ++pair_count_;
}

void PackedBlocks::remove_whole(size_t pageblock) {
  const size_t buddy = pageblock ^ 1;
  if (rooms_[buddy] != kWhole) {
    singles_.erase(pageblock);
    --single_count_;
    return;
  }
  pairs_.erase(pageblock / 2);
  --pair_count_;
  singles_.insert(buddy);
  ++single_count_;
}

size_t PackedBlocks::lowest_whole() const {
  if (single_count_ != 0) return singles_.at_or_after(0);
  return pair_count_ != 0 ? 2 * pairs_.at_or_after(0) : IndexSet::kNone;
}

// Nothing is written but the rooms and the sets of whole pageblocks, so that an arena of a TiB is
// up in milliseconds.
void PackedBlocks::add_free_range(Pfn start, Pfn end) {
  DCHECK_LE(start_, start);
  DCHECK_LE(end, end_);
  while (start < end) {
    const auto frame = static_cast<Frame>(start.value());
    const size_t pageblock = pageblock_of(frame);
    const Frame offset = frame - first_frame(pageblock);
    const PageCount left = end - start;
    PageCount added = std::min(left, PageCount(kPageblockFrames - offset));
    if (pageblock % 2 == 0 && offset == 0 && left >= kMaxOrder.pages()) {
      added = kMaxOrder.pages();
      add_pair(pageblock);
    } else if (added == PageCount(kPageblockFrames)) {
      set_room(pageblock, kWhole);
    } else {
      add_frames(words_[pageblock], offset, static_cast<Frame>(added.value()));
      set_room(pageblock, room_of(words_[pageblock]));
    }
    free_pages_ += added;
    start = start + added;
  }
}

void PackedBlocks::add_pair(size_t pageblock) {
  rooms_[pageblock] = rooms_[pageblock + 1] = kWhole;
  pairs_.insert(pageblock / 2);
  ++pair_count_;
  for (const size_t at : {pageblock, pageblock + 1}) --of(type_of(at)).with_exactly[0];
}

size_t PackedBlocks::take(Order order, Migratetype type, Reach reach, std::span<Frame> heads) {
  DCHECK(order.valid());
  size_t taken = 0;
  if (order >= kPageblockOrder) {
    if (reach != Reach::kOwn) taken = take_whole(order, type, heads);
  } else {
    while (taken < heads.size()) {
      size_t pageblock = of(type).lowest(order);
      if (pageblock == IndexSet::kNone) {
        if (taken != 0) break;
        pageblock = open_another(order, type, reach);
        if (pageblock == IndexSet::kNone) break;
      }
      taken += take_from(pageblock, order, heads.subspan(taken));
      set_room(pageblock, room_of(words_[pageblock]));
    }
  }
  free_pages_ -= order.pages() * taken;
  return taken;
}

size_t PackedBlocks::take_whole(Order order, Migratetype type, std::span<Frame> heads) {
  size_t taken = 0;
  for (; taken < heads.size(); ++taken) {
    if (order == kPageblockOrder) {
      const size_t pageblock = lowest_whole();
      if (pageblock == IndexSet::kNone) break;
      set_type(pageblock, type);
      set_room(pageblock, 0);
      heads[taken] = first_frame(pageblock);
    } else {
      if (pair_count_ == 0) break;
      const size_t pair = pairs_.at_or_after(0);
      pairs_.erase(pair);
      --pair_count_;
      for (const size_t at : {2 * pair, 2 * pair + 1}) {
        set_type(at, type);
        of(type).enter(at, 0);
        rooms_[at] = 0;
      }
      heads[taken] = first_frame(2 * pair);
    }
  }
  return taken;
}

size_t PackedBlocks::take_from(size_t pageblock, Order order, std::span<Frame> heads) {
  PageblockWords& words = words_[pageblock];
  const Frame first = first_frame(pageblock);
  const Frame step = Frame{1} << order.value();
  size_t taken = 0;
  for_each_block(PageblockWords(words), order, [&](Order found, Frame frame) {
    const size_t here =
        std::min(heads.size() - taken, size_t{1} << (found.value() - order.value()));
    remove_frames(words, frame, static_cast<Frame>(here) * step);
    for (size_t i = 0; i < here; ++i) {
      heads[taken + i] = first + frame + static_cast<Frame>(i) * step;
    }
    taken += here;
    return taken < heads.size();
  });
  return taken;
}

size_t PackedBlocks::put(Order order, std::span<Frame> heads) {
  std::span<Frame> real = heads;
  for (size_t done = 0; done < real.size();) {
    std::span<Frame> rest = real.subspan(done);
    const size_t here = order < kPageblockOrder ? put_in(pageblock_of(rest.front()), order, rest)
                                                : put_whole(order, rest);
    real = real.first(done + rest.size());
    done += here;
  }
  return real.size();
}

size_t PackedBlocks::put_whole(Order order, std::span<Frame>& heads) {
  const size_t pageblock = pageblock_of(heads.front());
  const bool pair = order == kMaxOrder;
  if (rooms_[pageblock] != 0 || (pair && rooms_[pageblock + 1] != 0)) [[unlikely]] {
    move_to_end(heads, 0);
    return 0;
  }
  if (pair) {
    add_pair(pageblock);
  } else {
    set_room(pageblock, kWhole);
  }
  free_pages_ += order.pages();
  return 1;
}

// The largest free block may be a new one: in a word that has changed, or of whole words.
size_t PackedBlocks::put_in(size_t pageblock, Order order, std::span<Frame>& heads) {
  PageblockWords& words = words_[pageblock];
  const Frame first = first_frame(pageblock);
  Room room = rooms_[pageblock];
  const bool whole = room == kWhole;
  bool whole_words = false;
  const auto look_at = [&](Frame word) {
    whole_words |= words[word] == ~uint64_t{0};
    room = std::max(room, static_cast<Room>(longest_run(words[word]) + 1));
  };
  size_t done = 0;
  Frame changed = 0;
  while (done < heads.size() && pageblock_of(heads[done]) == pageblock) {
    DCHECK(is_block_aligned(Pfn(heads[done]), order));
    const Frame frame = heads[done] - first;
    if (whole || !add_frames(words, frame, Frame{1} << order.value())) [[unlikely]] {
      move_to_end(heads, done);
      continue;
    }
    const Frame word = frame / kWordFrames;
    if (done != 0 && word != changed) look_at(changed);
    changed = word;
    ++done;
  }
  if (done == 0) return 0;
  look_at(changed);
  if (whole_words) room = room_of(words);
  if (room == kWhole) words.fill(0);
  set_room(pageblock, room);
  free_pages_ += order.pages() * done;
  return done;
}

unsigned PackedBlocks::orders() const {
  if (pair_count_ != 0) return kOrders;
  if (single_count_ != 0) return kWhole;
  const auto none_with = [this](unsigned room) {
    return std::ranges::all_of(by_type_,
                               [room](const OfType& of) { return of.with_exactly[room] == 0; });
  };
  unsigned room = kWhole - 1;
  while (room > 0 && none_with(room)) --room;
  return room;
}

std::array<uint64_t, kOrders> PackedBlocks::free_blocks() const {
  std::array<uint64_t, kOrders> blocks{};
  blocks[kPageblockOrder.value()] = single_count_;
  blocks[kMaxOrder.value()] = pair_count_;
  for (const OfType& of : by_type_) count_in_use(of, blocks);
  return blocks;
}

void PackedBlocks::count_in_use(const OfType& of, std::array<uint64_t, kOrders>& blocks) const {
  for (const IndexSet& set : of.in_use) {
    set.for_each([&](size_t at) {
      for_each_block(words_[at], Order(0), [&](Order order, Frame) {
        ++blocks[order.value()];
        return true;
      });
    });
  }
}

// A pair counts as its first pageblock does.
FreeBlocks::TypedBlocks PackedBlocks::free_blocks_by_type() const {
  TypedBlocks blocks{};
  for (size_t type = 0; type < kRequestTypes; ++type) count_in_use(by_type_[type], blocks[type]);
  const auto count = [&](size_t first, Order order) {
    ++blocks[static_cast<size_t>(type_of(first))][order.value()];
  };
  singles_.for_each([&](size_t at) { count(at, kPageblockOrder); });
  pairs_.for_each([&](size_t pair) { count(2 * pair, kMaxOrder); });
  return blocks;
}

size_t PackedBlocks::count_faults() const {
  size_t faults = 0;
  PageCount free{0};
  uint64_t singles = 0;
  uint64_t pairs = 0;
  std::array<std::array<uint64_t, kWhole>, kRequestTypes> exactly{};
  for (size_t at = 0; at < pageblocks(); ++at) {
    const Room room = rooms_[at];
    const PageblockWords& words = words_[at];
    const bool whole = room == kWhole;
    const Room in_bits = room_of(words);
    if (in_bits != (whole ? 0 : room)) ++faults;
    const auto type = static_cast<size_t>(type_of(at));
    for (size_t t = 0; t < kRequestTypes; ++t) {
      for (size_t order = 0; order < kPageblockOrder.value(); ++order) {
        const bool belongs = t == type && order + 1 == in_bits;
        if (by_type_[t].in_use[order].contains(at) != belongs) ++faults;
      }
    }
    const bool single = whole && rooms_[at ^ 1] != kWhole;
    const bool pair = whole && !single;
    if (singles_.contains(at) != single || pairs_.contains(at / 2) != pair) ++faults;
    if (!whole && room < kWhole) ++exactly[type][room];
    singles += single;
    pairs += pair && at % 2 == 0;
    // Free frames are in range, and nobody's.
    const auto check = [&](Order order, Frame frame) {
      const Pfn pfn(first_frame(at) + frame);
      const bool in_range = pfn >= start_ && pfn + order.pages() <= end_;
      if (!in_range || memmap_.state(pfn).kind() != PageState::kInside) ++faults;
      free += order.pages();
      return true;
    };
    if (whole) check(kPageblockOrder, 0);
    if (!whole) for_each_block(words, Order(0), check);
  }
  if (singles != single_count_ || pairs != pair_count_) ++faults;
  for (size_t type = 0; type < kRequestTypes; ++type) {
    if (by_type_[type].with_exactly != exactly[type]) ++faults;
  }
  if (free != free_pages_) ++faults;
  return faults;
}

}  // namespace ring3::mm
