#include "harness/report/proc_files.h"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>

#include "harness/report/output_file.h"

namespace ring3::harness {

Status make_snapshot_folder(const std::string& folder) {
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (!failure) return {};
  return Error{Errc::kIo, fmt::format("cannot make folder '{}': {}", folder, failure.message())};
}

Status write_snapshot(const std::string& folder, const std::vector<ProcFile>& files) {
  for (const ProcFile& file : files) {
    const std::filesystem::path path = std::filesystem::path(folder) / file.path;
    if (Status made = make_snapshot_folder(path.parent_path().string()); !made) return made;
    if (Status written = write_output(path.string(), file.text); !written) return written;
  }
  return {};
}

}  // namespace ring3::harness
