#include "harness/base/text_file.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace ring3::harness {
namespace {

constexpr size_t kMostBytes = size_t{16} << 20;

}  // namespace

Result<std::string> read_text_file(const std::string& path) {
  const bool standard_input = path == "-";
  std::FILE* file = standard_input ? stdin : std::fopen(path.c_str(), "re");
  const auto failure = [&path](int error) {
    return Error{Errc::kIo, "cannot read " + path + ": " + std::strerror(error)};
  };
  if (file == nullptr) return failure(errno);
  std::string text;
  std::array<char, 4096> buffer;
  size_t got;
  while (text.size() <= kMostBytes &&
         (got = std::fread(buffer.data(), 1, buffer.size(), file)) > 0) {
    text.append(buffer.data(), got);
  }
  const int error = std::ferror(file) != 0 ? errno : 0;
  if (!standard_input) std::fclose(file);
  if (error != 0) return failure(error);
  if (text.size() > kMostBytes) {
    return Error{Errc::kBadFormat, path + " is larger than 16 MiB, which no text of ours is"};
  }
  return text;
}

}  // namespace ring3::harness
