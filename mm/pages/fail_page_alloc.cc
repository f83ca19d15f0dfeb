#include "mm/pages/fail_page_alloc.h"

#include <fmt/format.h>

#include <optional>

#include "lib/numbers.h"

namespace ring3::mm {
namespace {

bool set_flag(bool& flag, std::string_view value) {
  flag = value == "Y" || value == "1";
  return flag || value == "N" || value == "0";
}

}  // namespace

Result<PageFaults> parse_page_faults(std::string_view text) {
  PageFaults faults;
  const auto set = [&](std::string_view name, std::string_view value) {
    if (name == "min-order") {
      const std::optional<unsigned> order = whole_number<unsigned>(value);
      if (!order || *order > Order::kMax) return false;
      faults.min_order = Order(*order);
      return true;
    }
    if (name == "ignore-gfp-wait") return set_flag(faults.ignore_gfp_wait, value);
    return name == "ignore-gfp-highmem" && set_flag(faults.ignore_gfp_highmem, value);
  };
  const Result<FaultAttributes> attributes = parse_fault_attributes(text, set);
  if (!attributes) {
    return Error{attributes.error().code,
                 attributes.error().message +
                     fmt::format("; here also min-order=0 to {}, ignore-gfp-wait=Y|N, "
                                 "ignore-gfp-highmem=Y|N",
                                 Order::kMax)};
  }
  faults.attributes = *attributes;
  return faults;
}

std::string to_string(const PageFaults& faults) {
  std::string text = to_string(faults.attributes);
  if (faults.min_order != Order(0)) text += fmt::format(",min-order={}", faults.min_order.value());
  if (faults.ignore_gfp_wait) text += ",ignore-gfp-wait=Y";
  if (faults.ignore_gfp_highmem) text += ",ignore-gfp-highmem=Y";
  return text;
}

void FailPageAlloc::arm(const PageFaults& faults, uint64_t seed) {
  Gfp ignored = kGfpFlagNofail;
  if (faults.ignore_gfp_wait) ignored = ignored | kGfpFlagDirectReclaim;
  if (faults.ignore_gfp_highmem) ignored = ignored | kGfpFlagHighmem;
  ignored_.store(ignored.bits(), std::memory_order_relaxed);
  min_order_.store(faults.min_order.value(), std::memory_order_relaxed);
  point_.arm(faults.attributes, seed);
}

}  // namespace ring3::mm
