#pragma once

#include <string>
#include <string_view>

#include "harness/base/exit_code.h"

namespace ring3::harness {

// What a command has to say at its end: `document` to `path` where that is not empty, then `text`
// for people. The document comes first, so that a standard output that fails takes nothing else
// with it. Each error is said; returns the status of the last, or `status` when all went well.
ExitCode deliver(const std::string& path, std::string_view document, std::string_view text,
                 ExitCode status);

}  // namespace ring3::harness
