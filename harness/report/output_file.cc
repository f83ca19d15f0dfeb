#include "harness/report/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "lib/report_sink.h"

namespace ring3::harness {
namespace {

// errno, in words. Where there is no room there may be some later: that is no wrong option.
Error failure(const std::string& path) {
  const bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
  return Error{full ? Errc::kNoResource : Errc::kIo,
               fmt::format("cannot write '{}': {}", path, std::strerror(errno))};
}

Status write_stream(std::FILE* file, const std::string& path, std::string_view text) {
  const bool whole = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  return whole && std::fflush(file) == 0 ? Status() : Status(failure(path));
}

Status write_and_close(std::FILE* file, const std::string& path, std::string_view text) {
  Status written = write_stream(file, path, text);
  if (std::fclose(file) != 0 && written.ok()) return failure(path);
  return written;
}

// A device or a pipe keeps its name; only a plain file, or none, is replaced.
bool is_replaceable(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode);
}

// As the file that is replaced, or as any new one.
mode_t mode_for(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) == 0) return status.st_mode & 07777;
  const mode_t mask = umask(0);
  umask(mask);
  return 0666 & ~mask;
}

// A new file beside `path` that nobody else has; its name, and a stream to it. Null when the folder
// takes none.
std::FILE* make_temporary(const std::string& path, std::string& name) {
  name = path + ".XXXXXX";
  const int descriptor = mkostemp(name.data(), O_CLOEXEC);
  if (descriptor < 0) return nullptr;
  std::FILE* file = fchmod(descriptor, mode_for(path)) == 0 ? fdopen(descriptor, "w") : nullptr;
  if (file == nullptr) {
    close(descriptor);
    unlink(name.c_str());
  }
  return file;
}

}  // namespace

Status write_output(const std::string& path, std::string_view text) {
  if (path == "-") return write_stream(stdout, "standard output", text);
  std::string temporary;
  std::FILE* file = is_replaceable(path) ? make_temporary(path, temporary) : nullptr;
  if (file == nullptr) {
    // A folder where nobody may make files can still hold one that may be written.
    file = std::fopen(path.c_str(), "we");
    return file == nullptr ? failure(path) : write_and_close(file, path, text);
  }
  Status written = write_and_close(file, path, text);
  if (written && std::rename(temporary.c_str(), path.c_str()) == 0) return {};
  if (written) written = failure(path);
  unlink(temporary.c_str());
  return written;
}

Status write_for_people(bool machine_has_stdout, std::string_view text) {
  if (!machine_has_stdout) return write_output("-", text);
  stderr_report_sink().report(text);
  return {};
}

Status check_writable(const std::string& path) {
  if (path.empty() || path == "-") return {};
  if (access(path.c_str(), W_OK) == 0) {
    struct stat status {};
    if (stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
      errno = EISDIR;
      return failure(path);
    }
    return {};
  }
  if (errno != ENOENT) return failure(path);
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "."
                             : slash == 0               ? "/"
                                                        : path.substr(0, slash);
  return access(folder.c_str(), W_OK | X_OK) == 0 ? Status() : Status(failure(path));
}

}  // namespace ring3::harness
