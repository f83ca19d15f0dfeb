#include "lib/index_set.h"

#include <bit>
#include <utility>

#include "lib/bits.h"
#include "lib/check.h"

namespace ring3 {
namespace {

// The words of all levels over `limit` members.
size_t words_of_all_levels(size_t limit) {
  size_t total = 0;
  do {
    limit = div_round_up(limit, size_t{64});
    total += limit;
  } while (limit > 1);
  return total;
}

}  // namespace

Result<IndexSet> IndexSet::create(size_t limit) {
  CHECK(limit > 0 && limit <= kMaxLimit);
  Result<os::Reservation> memory =
      os::reserve(words_of_all_levels(limit) * sizeof(uint64_t), alignof(uint64_t));
  if (!memory) return memory.error();
  return IndexSet(std::move(*memory), limit);
}

IndexSet::IndexSet(os::Reservation memory, size_t limit)
    : memory_(std::move(memory)), limit_(limit) {
  auto* words = reinterpret_cast<uint64_t*>(memory_.base());
  do {
    limit = div_round_up(limit, kBits);
    level_[levels_++] = words;
    words += limit;
  } while (limit > 1);
}

size_t IndexSet::at_or_before(size_t from) const {
  if (from >= limit_) from = limit_ - 1;
  for (unsigned level = 0; level < levels_; ++level) {
    uint64_t word = level_[level][from / kBits] & (~uint64_t{0} >> (kBits - 1 - from % kBits));
    if (word != 0) {
      size_t found = align_down(from, kBits) + ilog2(word);
      while (level-- > 0) found = found * kBits + ilog2(level_[level][found]);
      return found;
    }
    if (from < kBits) return kNone;
    from = from / kBits - 1;
  }
  return kNone;
}

}  // namespace ring3
