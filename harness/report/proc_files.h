#pragma once

// The files of a snapshot, in a folder.

#include <string>
#include <vector>

#include "harness/stress/proc_snapshot.h"

namespace ring3::harness {

// Makes the folder, and those above it, if they are not there. kIo names it and the reason.
Status make_snapshot_folder(const std::string& folder);
// Writes the files into it. Errors as of write_output().
Status write_snapshot(const std::string& folder, const std::vector<ProcFile>& files);

}  // namespace ring3::harness
