#pragma once

#include <string>
#include <string_view>

#include "lib/result.h"

namespace ring3::harness {

// Writes `text` to `path`, or to standard output for "-". A file appears under its name when it is
// whole: it is written beside it and renamed. An error names the path and the reason, kNoResource
// when the disk is full: a report that did not arrive whole is an error.
Status write_output(const std::string& path, std::string_view text);

// The text for people goes to standard output, or to standard error when the machine's report has
// the former. Nobody learns of an error of standard error.
Status write_for_people(bool machine_has_stdout, std::string_view text);

// kIo when `path` cannot be written to: asked before a long run, not after it.
Status check_writable(const std::string& path);

}  // namespace ring3::harness
