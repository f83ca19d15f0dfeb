#pragma once

// Vector clocks (Mattern, "Virtual Time and Global States of Distributed Systems", 1989): what each
// task has done that is ordered before something. All rows of one simulation in one piece of
// memory, since most steps look at some.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ring3::harness {

class ClockTable {
 public:
  using Row = uint32_t;

  // A row of zeros.
  Row add() {
    times_.resize(times_.size() + width_);
    return static_cast<Row>(times_.size() / width_ - 1);
  }
  void clear(Row row) { std::fill_n(begin(row), width_, 0); }
  void join(Row into, Row from) {
    uint32_t* a = begin(into);
    const uint32_t* b = begin(from);
    for (size_t i = 0; i < width_; ++i) a[i] = std::max(a[i], b[i]);
  }

  // Makes room for tasks 0 to `task`.
  void hold(uint32_t task) {
    if (task < width_) return;
    const size_t rows = times_.size() / width_;
    const size_t wider = width_ * 2;
    std::vector<uint32_t> times(rows * wider);
    for (size_t row = 0; row < rows; ++row) {
      std::copy_n(&times_[row * width_], width_, &times[row * wider]);
    }
    times_ = std::move(times);
    width_ = wider;
    hold(task);
  }
  // `task` is held.
  uint32_t& time(Row row, uint32_t task) { return begin(row)[task]; }
  uint32_t time(Row row, uint32_t task) const { return times_[row * width_ + task]; }

 private:
  uint32_t* begin(Row row) { return times_.data() + row * width_; }

  size_t width_ = 8;
  std::vector<uint32_t> times_;
};

}  // namespace ring3::harness
