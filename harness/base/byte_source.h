#pragma once

// The bytes of a file, decompressed: plain, gzip, xz, zstd or bzip2, told by how it begins, so that
// a pipe may hold any of them.

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "lib/result.h"

namespace ring3::harness {

class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // The next bytes, at most out.size(); 0 at the end. kIo when the file cannot be read, kBadFormat
  // when it is damaged.
  virtual Result<size_t> read(std::span<char> out) = 0;

  // After the end: the file stops in the middle of a compressed stream.
  virtual bool is_cut() const = 0;
};

// Opens `path`; "-" is standard input. kIo when that cannot be read. kBadFormat for a recording
// that a tool must turn into text first; the message says what it is and gives the command.
Result<std::unique_ptr<ByteSource>> open_bytes(const std::string& path);

// All of them at once, of what is not too large for that: kBadFormat beyond 1 GiB, or when the file
// is cut off.
Result<std::string> read_all_bytes(const std::string& path);

}  // namespace ring3::harness
