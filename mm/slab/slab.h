#pragma once

// One slab: a block of pages cut into objects, and which of them are in use. Pure: the cache that
// owns the slab locks it.
//
// The state of a slab lies in its head page's descriptor, and its in-use bits in an array of the
// arena beside the memmap, so nothing is ever written into a free object: a constructed object
// keeps its state, a use after free cannot corrupt a free list, and a double free is one bit.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "lib/bitmap.h"
#include "lib/cpu/atomic.h"
#include "mm/pages/pages.h"
#include "mm/slab/cache_layout.h"

namespace ring3::mm {

class KmemCache;

// In-use bits of one page of a slab: enough for objects of a word.
inline constexpr size_t kInUseWordsPerPage = kPageSize / sizeof(void*) / BitmapView::kBitsPerWord;

class Slab {
 public:
  // Lays out the block at `page`, of PageOwner::kSlab, as a slab with all objects free. It is
  // nobody's yet: set_cache() says whose. `in_use_words` has kInUseWordsPerPage words for each page
  // of the block.
  static Slab& make(Page& page, uint32_t colour_offset, uint64_t* in_use_words,
                    const CacheLayout& layout) {
    Slab& slab = of(page);
    slab.colour_offset_ = colour_offset;
    slab.in_use_ = slab.lowest_free_ = 0;
    BitmapView(in_use_words, layout.objects).clear_all();
    return slab;
  }
  // The slab that `page`, a head page of PageOwner::kSlab, is: its words begin as zeros, which is a
  // slab of no cache.
  static Slab& of(Page& page) { return *reinterpret_cast<Slab*>(page.owner_words.data()); }
  static const Slab& of(const Page& page) {
    return *reinterpret_cast<const Slab*>(page.owner_words.data());
  }

  // Whose it is; null while it is being made and once it is given up. Changed by that cache under
  // its lock, so under the lock of a cache "mine" is true until the lock is released. Anybody else
  // may read a stale answer: relaxed, since what it leads to is that cache's lock.
  KmemCache* cache() const { return cache_.load(std::memory_order_relaxed); }
  void set_cache(KmemCache* cache) { cache_.store(cache, std::memory_order_relaxed); }

  // Bytes from the start of the block to the first object.
  uint32_t colour_offset() const { return colour_offset_; }
  uint32_t in_use() const { return in_use_; }

  // Marks the lowest free object as in use and returns its index. The slab is not full.
  uint32_t take(BitmapView bits) {
    const auto index = static_cast<uint32_t>(bits.find_next_clear(lowest_free_));
    DCHECK_LT(index, bits.size());
    bits.set(index);
    lowest_free_ = index + 1;
    ++in_use_;
    return index;
  }
  // Marks object `index` as free; false, with nothing changed, when it is already.
  bool put(BitmapView bits, uint32_t index) {
    if (!bits.test(index)) return false;
    bits.clear(index);
    lowest_free_ = std::min(lowest_free_, index);
    --in_use_;
    return true;
  }

  static constexpr uint32_t kNoIndex = std::numeric_limits<uint32_t>::max();
  // The index of the object that starts `offset` bytes into the block, or kNoIndex when none does.
  uint32_t index_at(size_t offset, const CacheLayout& layout) const {
    if (offset < colour_offset_) return kNoIndex;
    const auto from_first = static_cast<uint32_t>(offset - colour_offset_);
    const auto stride = static_cast<uint32_t>(layout.stride);
    const uint32_t index = from_first / stride;
    return from_first % stride == 0 && index < layout.objects ? index : kNoIndex;
  }

 private:
  Atomic<KmemCache*> cache_;
  uint32_t colour_offset_;
  uint32_t in_use_;
  uint32_t lowest_free_;  // no object below it is free
};

static_assert(sizeof(Slab) <= sizeof(Page::owner_words), "a slab's state fits in its descriptor");

}  // namespace ring3::mm
