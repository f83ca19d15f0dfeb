#pragma once

// The process's own break, which the C library's malloc moves too. What the host gives is added
// behind what it gave before as long as nobody else moves the break; after that this one stays
// where it is, since what lies above is not ours to give back.

#include <memory>

#include "lib/result.h"
#include "mm/heap/break.h"

namespace ring3::mm {

class ProcessBreak final : public Break {
 public:
  // Starts where the break is now. kNoResource when the host has none. One at a time.
  static Result<std::unique_ptr<ProcessBreak>> create(size_t limit_bytes);
  // Moves the break back to the start, if that is still possible.
  ~ProcessBreak() override;

  // The kernel maps: a page that was not touched before is a minor fault of the process.
  Touch touch(const void* address, size_t bytes) override;

 private:
  using Break::Break;
  bool move(std::byte* to) override;
  bool is_resident(std::byte* page) const;
};

}  // namespace ring3::mm
