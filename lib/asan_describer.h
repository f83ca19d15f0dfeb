#pragma once

// What ring3 knows of an address that AddressSanitizer has reported, behind its report. Nothing in
// other builds.

#include <functional>
#include <string>
#include <utility>

#include "lib/asan.h"

namespace ring3 {

class AsanDescriber {
 public:
  // While it lives, describe(address) is asked, in the thread that did wrong, before the process
  // ends; what it returns, if anything, is printed.
  using Describe = std::function<std::string(const void* address)>;
  explicit AsanDescriber(Describe describe);
  ~AsanDescriber();
  AsanDescriber(const AsanDescriber&) = delete;
  AsanDescriber& operator=(const AsanDescriber&) = delete;

 private:
  friend struct AsanDescribers;
  const Describe describe_;
};

#ifndef RING3_ASAN
inline AsanDescriber::AsanDescriber(Describe /*describe*/) {}
inline AsanDescriber::~AsanDescriber() = default;
#endif

}  // namespace ring3
