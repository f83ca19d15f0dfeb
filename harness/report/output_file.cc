#include "harness/report/output_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "lib/report_sink.h"

namespace ring3::harness {
namespace {

Error failure(const std::string& path) {
  return Error{Errc::kIo, fmt::format("cannot write '{}': {}", path, std::strerror(errno))};
}

Status write_stream(std::FILE* file, const std::string& path, std::string_view text) {
  const bool whole = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  return whole && std::fflush(file) == 0 ? Status() : Status(failure(path));
}

}  // namespace

Status write_output(const std::string& path, std::string_view text) {
  if (path == "-") return write_stream(stdout, "standard output", text);
  std::FILE* file = std::fopen(path.c_str(), "we");
  if (file == nullptr) return failure(path);
  Status written = write_stream(file, path, text);
  if (std::fclose(file) != 0 && written.ok()) return failure(path);
  return written;
}

Status write_for_people(bool machine_has_stdout, std::string_view text) {
  if (!machine_has_stdout) return write_output("-", text);
  stderr_report_sink().report(text);
  return {};
}

Status check_writable(const std::string& path) {
  if (path.empty() || path == "-") return {};
  std::FILE* file = std::fopen(path.c_str(), "ae");
  if (file == nullptr) return failure(path);
  std::fclose(file);
  return {};
}

}  // namespace ring3::harness
