#pragma once

// Recorded runs of a kernel, replayed on the kernel policy's zone: the same requests must get the
// same frames, and leave the same lists.

#include <string>
#include <string_view>

#include "lib/result.h"
#include "mm/mm.h"

namespace ring3::harness {

struct OracleVerdict {
  std::string name;         // of the case
  uint64_t operations = 0;  // in the file
  uint64_t reproduced = 0;  // before the first difference
  std::string difference;   // what differs, and both states there; empty when nothing does

  bool is_same() const { return difference.empty(); }
};

// As `persona` decides. kBadFormat for what is no recorded run; the message names the line.
Result<OracleVerdict> check_oracle(std::string_view text,
                                   const mm::rules::Persona& persona = mm::rules::kLinux61);

}  // namespace ring3::harness
