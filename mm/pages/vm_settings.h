#pragma once

// The settings of the page allocator that the kernel has under /proc/sys/vm, with its names, bounds
// and defaults (Documentation/admin-guide/sysctl/vm.rst).

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/result.h"
#include "mm/pages/gfp.h"

namespace ring3::mm {

struct VmSettings {
  // What is kept free of zones DMA to Normal for those in need, in KiB; nothing: by the size of
  // memory.
  std::optional<uint64_t> min_free_kbytes;
  // The distance between two watermarks at least, in ten-thousandths of a zone.
  uint64_t watermark_scale_factor = 10;
  // By zone: a zone keeps one page back for so many in the zones above it from requests that may
  // use those; 0: none.
  std::array<uint64_t, kZones> lowmem_reserve_ratio{256, 256, 32, 0, 0};
  // The share of a zone that all CPUs' lists of each order keep at most, as a divisor; 0: by order.
  uint64_t percpu_pagelist_high_fraction = 0;

  bool operator==(const VmSettings&) const = default;
};

// Sets one from "NAME=VALUE", with or without "vm." before it; the ratio takes up to a number a
// zone, with blanks or commas between. kInvalidArgument names what is unknown or out of bounds, and
// the bounds.
Status set_vm(VmSettings& settings, std::string_view text);

// Those that are not as by default, as set_vm() takes them, "vm.min_free_kbytes=8192".
std::vector<std::string> changed_vm_settings(const VmSettings& settings);

}  // namespace ring3::mm
