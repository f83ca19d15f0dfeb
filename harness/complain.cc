#include "harness/complain.h"

#include <fmt/format.h>

namespace ring3::harness {

ExitCode complain(const Error& error) {
  fmt::print(stderr, "ring3: {}\n", error.message);
  return error.code == Errc::kNoResource ? ExitCode::kNoResource : ExitCode::kUsage;
}

}  // namespace ring3::harness
