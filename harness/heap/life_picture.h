#pragma once

// A heap's life as a picture: time to the right, addresses upward, blocks in use in colour, free
// ones white, the break as a line.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "mm/mm.h"

namespace ring3::harness {

class LifePicture {
 public:
  // Of `calls` calls. With more than kMostColumns of them some are not looked at.
  explicit LifePicture(uint64_t calls);
  static constexpr uint64_t kMostColumns = 300;

  // After call number `call`, from 1 on.
  void look(uint64_t call, mm::Heap& heap, const mm::Break& heap_break);

  // The whole as SVG, headed by `title`, which may hold any text.
  std::string svg(const std::string& title) const;

 private:
  // A block for as long as it stayed the same: columns [from, to).
  struct Span {
    size_t begin;
    size_t end;
    bool is_free;
    uint64_t from;
    uint64_t to;
  };
  struct Extent {
    size_t end;
    bool is_free;
    uint64_t since;
  };

  const uint64_t calls_;
  const uint64_t stride_;  // calls a column
  uint64_t columns_ = 0;
  std::vector<Span> spans_;
  std::map<size_t, Extent> now_;  // by where they begin
  std::vector<size_t> breaks_;    // by column
};

}  // namespace ring3::harness
