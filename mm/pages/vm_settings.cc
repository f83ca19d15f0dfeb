#include "mm/pages/vm_settings.h"

#include <fmt/format.h>

#include "lib/numbers.h"

namespace ring3::mm {
namespace {

constexpr uint64_t kMostOfInt = 2'147'483'647;

struct Bounds {
  std::string_view name;
  uint64_t least;
  uint64_t most;
};
constexpr Bounds kMinFree{"min_free_kbytes", 0, kMostOfInt};
constexpr Bounds kScale{"watermark_scale_factor", 1, 3000};
constexpr Bounds kRatio{"lowmem_reserve_ratio", 0, kMostOfInt};
// Below 8, CPUs could keep most of a zone to themselves.
constexpr Bounds kFraction{"percpu_pagelist_high_fraction", 8, kMostOfInt};

Result<uint64_t> parse(const Bounds& bounds, std::string_view text) {
  const std::optional<uint64_t> value = whole_number(text);
  if (!value || *value < bounds.least || *value > bounds.most) {
    return Error{Errc::kInvalidArgument, fmt::format("'{}' is no value of vm.{}; use {} to {}",
                                                     text, bounds.name, bounds.least, bounds.most)};
  }
  return *value;
}

using Ratios = std::array<uint64_t, kZones>;

// Those of zones that are not named stay.
Status set_ratios(Ratios& target, std::string_view text) {
  Ratios ratios = target;
  size_t count = 0;
  while (!text.empty()) {
    const size_t end = text.find_first_of(" ,\t");
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (word.empty()) continue;
    if (count == ratios.size()) {
      return Error{Errc::kInvalidArgument,
                   fmt::format("vm.{} has {} numbers at most, a zone each: DMA, DMA32, Normal, "
                               "HighMem, Movable",
                               kRatio.name, ratios.size())};
    }
    const Result<uint64_t> ratio = parse(kRatio, word);
    if (!ratio) return ratio.error();
    ratios[count++] = *ratio;
  }
  if (count != 0) {
    target = ratios;
    return {};
  }
  return Error{Errc::kInvalidArgument, fmt::format("vm.{} needs a number", kRatio.name)};
}

}  // namespace

Status set_vm(VmSettings& settings, std::string_view text) {
  if (text.starts_with("vm.")) text.remove_prefix(3);
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos) {
    return Error{
        Errc::kInvalidArgument,
        fmt::format("'{}' is no setting; use NAME=VALUE, as in vm.min_free_kbytes=8192", text)};
  }
  const std::string_view name = text.substr(0, equals);
  const std::string_view value = text.substr(equals + 1);
  if (name == kRatio.name) return set_ratios(settings.lowmem_reserve_ratio, value);
  const auto set = [&](const Bounds& bounds, auto& target) -> Status {
    const Result<uint64_t> parsed = parse(bounds, value);
    if (!parsed) return parsed.error();
    target = *parsed;
    return {};
  };
  if (name == kMinFree.name) return set(kMinFree, settings.min_free_kbytes);
  if (name == kScale.name) return set(kScale, settings.watermark_scale_factor);
  if (name == kFraction.name) {
    if (value == "0") {
      settings.percpu_pagelist_high_fraction = 0;
      return {};
    }
    return set(kFraction, settings.percpu_pagelist_high_fraction);
  }
  return Error{Errc::kInvalidArgument,
               fmt::format("'vm.{}' is not known; use vm.{}, vm.{}, vm.{} or vm.{}", name,
                           kMinFree.name, kScale.name, kRatio.name, kFraction.name)};
}

std::vector<std::string> changed_vm_settings(const VmSettings& settings) {
  constexpr VmSettings kDefault;
  std::vector<std::string> changed;
  if (settings.min_free_kbytes) {
    changed.push_back(fmt::format("vm.{}={}", kMinFree.name, *settings.min_free_kbytes));
  }
  if (settings.watermark_scale_factor != kDefault.watermark_scale_factor) {
    changed.push_back(fmt::format("vm.{}={}", kScale.name, settings.watermark_scale_factor));
  }
  if (settings.lowmem_reserve_ratio != kDefault.lowmem_reserve_ratio) {
    changed.push_back(
        fmt::format("vm.{}={}", kRatio.name, fmt::join(settings.lowmem_reserve_ratio, ",")));
  }
  if (settings.percpu_pagelist_high_fraction != kDefault.percpu_pagelist_high_fraction) {
    changed.push_back(
        fmt::format("vm.{}={}", kFraction.name, settings.percpu_pagelist_high_fraction));
  }
  return changed;
}

}  // namespace ring3::mm
