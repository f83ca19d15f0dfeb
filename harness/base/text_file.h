#pragma once

#include <string>

#include "lib/result.h"

namespace ring3::harness {

// The whole of a small file of text, or of standard input for "-". kIo with the path and the
// reason; kBadFormat for more than 16 MiB, which no text of ours has.
Result<std::string> read_text_file(const std::string& path);

}  // namespace ring3::harness
