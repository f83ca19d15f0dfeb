#pragma once

// Addresses at which pages appear and disappear one at a time: what a page table is to a process.

#include <cstddef>

#include "lib/reservation.h"

namespace ring3::os {

class AddressWindow {
 public:
  static constexpr size_t kPageBytes = 4096;

  // `size_bytes` > 0, a multiple of kPageBytes. Nothing is accessible in it. kNoResource when the
  // host refuses, or has pages of another size.
  static Result<AddressWindow> create(size_t size_bytes);
  AddressWindow(AddressWindow&& other) noexcept;
  AddressWindow& operator=(AddressWindow&& other) = delete;
  ~AddressWindow();

  std::byte* base() const { return base_; }
  size_t size_bytes() const { return size_bytes_; }

  // From now on the page at `frame`, of a reservation that is shared, is at `offset` too. False
  // when the host has no mappings left (vm.max_map_count). `offset` is a multiple of kPageBytes.
  [[nodiscard]] bool map(size_t offset, std::byte* frame);
  // Nothing is accessible in [offset, offset + bytes) any more; multiples of kPageBytes.
  void unmap(size_t offset, size_t bytes);

 private:
  AddressWindow(std::byte* base, size_t size_bytes) : base_(base), size_bytes_(size_bytes) {}

  std::byte* base_;
  size_t size_bytes_;
};

}  // namespace ring3::os
