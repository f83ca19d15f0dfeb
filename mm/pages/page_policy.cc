#include "mm/pages/page_policy.h"

#include <algorithm>

namespace ring3::mm {

const PagePolicy* page_policy_named(std::string_view name) {
  const auto found = std::ranges::find(kPagePolicies, name, &PagePolicy::name);
  return found == kPagePolicies.end() ? nullptr : *found;
}

}  // namespace ring3::mm
