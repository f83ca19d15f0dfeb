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
#include <new>

#include "lib/bitmap.h"
#include "mm/pages/pages.h"
#include "mm/slab/cache_layout.h"

namespace ring3::mm {

class KmemCache;

// In-use bits of one page of a slab: enough for objects of a word.
inline constexpr size_t kInUseWordsPerPage = kPageSize / sizeof(void*) / BitmapView::kBitsPerWord;

class Slab {
 public:
  // Makes the allocated block at `page` a slab of `cache` with all objects free. `in_use_words`
  // has kInUseWordsPerPage words for each page of the block.
  static Slab& make(Page& page, KmemCache& cache, uint32_t colour_offset, uint64_t* in_use_words,
                    const CacheLayout& layout) {
    auto* slab = new (page.owner_words.data()) Slab(cache, colour_offset);
    BitmapView(in_use_words, layout.objects).clear_all();
    return *slab;
  }
  // The slab that `page`, a head page of PageOwner::kSlab, is.
  static Slab& of(Page& page) {
    return *std::launder(reinterpret_cast<Slab*>(page.owner_words.data()));
  }

  KmemCache& cache() const { return cache_; }
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
  Slab(KmemCache& cache, uint32_t colour_offset) : cache_(cache), colour_offset_(colour_offset) {}

  KmemCache& cache_;
  const uint32_t colour_offset_;
  uint32_t in_use_ = 0;
  uint32_t lowest_free_ = 0;  // no object below it is free
};

static_assert(sizeof(Slab) <= sizeof(Page::owner_words), "a slab's state fits in its descriptor");

}  // namespace ring3::mm
