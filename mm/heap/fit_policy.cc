#include "mm/heap/fit_policy.h"

#include <algorithm>

namespace ring3::mm {
namespace {

Block* first_fit(FitSearch& search) {
  Block* block = search.first();
  while (block != nullptr && !search.fits(block)) block = search.next(block);
  return block;
}

// First fit from where the last search left off, and around.
Block* next_fit(FitSearch& search) {
  Block* block = search.first_from_left_off();
  while (block != nullptr && !search.fits(block)) block = search.next(block);
  if (block != nullptr) return block;
  block = search.first();
  while (block != nullptr && search.is_below_left_off(block)) {
    if (search.fits(block)) return block;
    block = search.next(block);
  }
  return nullptr;
}

// The smallest that fits; the lowest of those. None is better than one that fits exactly.
Block* best_fit(FitSearch& search) {
  Block* best = nullptr;
  for (Block* block = search.first(); block != nullptr; block = search.next(block)) {
    if (!search.fits(block) || (best != nullptr && block->size >= best->size)) continue;
    best = block;
    if (best->size == search.bytes()) break;
  }
  return best;
}

// The largest; the lowest of those.
Block* worst_fit(FitSearch& search) {
  Block* worst = nullptr;
  for (Block* block = search.first(); block != nullptr; block = search.next(block)) {
    if (search.fits(block) && (worst == nullptr || block->size > worst->size)) worst = block;
  }
  return worst;
}

}  // namespace

const std::array<FitPolicy, kFitPolicies> kAllFitPolicies = {{
    {.name = "first", .find = first_fit},
    {.name = "next", .find = next_fit},
    {.name = "best", .find = best_fit},
    {.name = "worst", .find = worst_fit},
}};

const FitPolicy* fit_policy_named(std::string_view name) {
  const auto found = std::ranges::find(kAllFitPolicies, name, &FitPolicy::name);
  return found == kAllFitPolicies.end() ? nullptr : found;
}

}  // namespace ring3::mm
