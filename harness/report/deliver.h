#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "harness/base/exit_code.h"

namespace ring3::harness {

// A text for a machine, and where it goes: a file, "-" for standard output, or nowhere.
struct Document {
  const std::string& path;
  std::string text;
};

// What a command has to say at its end: `documents`, then `text` for people, on standard error when
// a document has standard output. The documents come first, so that a standard output that fails
// takes nothing else with it. Each error is said; returns the status of the last, or `status` when
// all went well.
ExitCode deliver(std::initializer_list<Document> documents, std::string_view text, ExitCode status);

}  // namespace ring3::harness
