#include "harness/base/byte_source.h"

#include <bzlib.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <lzma.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

namespace ring3::harness {
namespace {

using namespace std::string_view_literals;

constexpr size_t kInputBytes = size_t{256} << 10;

Error cannot_read(const std::string& path, std::string_view reason) {
  return {Errc::kIo, fmt::format("cannot read '{}': {}", path, reason)};
}

// A file as it is, and a look at its beginning.
class PlainSource final : public ByteSource {
 public:
  PlainSource(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  ~PlainSource() override { close(descriptor_); }

  Result<size_t> read(std::span<char> out) override {
    if (!peeked_.empty()) {
      const size_t part = std::min(out.size(), peeked_.size());
      std::copy_n(peeked_.begin(), part, out.begin());
      peeked_ = peeked_.substr(part);
      return part;
    }
    ssize_t got;
    do {
      got = ::read(descriptor_, out.data(), out.size());
    } while (got < 0 && errno == EINTR);
    if (got < 0) return cannot_read(path_, std::strerror(errno));
    return static_cast<size_t>(got);
  }
  bool is_cut() const override { return false; }

  // The first bytes, as many as there are up to the size of the look; they stay to be read.
  Result<std::string_view> peek() {
    size_t have = 0;
    while (have < beginning_.size()) {
      const Result<size_t> got = read(std::span(beginning_).subspan(have));
      if (!got) return got.error();
      if (*got == 0) break;
      have += *got;
    }
    peeked_ = {beginning_.data(), have};
    return peeked_;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  int descriptor_;
  std::array<char, 16> beginning_{};
  std::string_view peeked_;  // of beginning_: what has not been read again
};

enum class Step {
  kMore,  // wants more input, or more room
  kEnd,   // a stream has ended; another may follow
  kDamaged,
};
struct Buffers {
  std::span<const char> in;
  std::span<char> out;
};

// Each codec moves what it can from `in` to `out`; restart() begins the next stream of the file.

class Gzip {
 public:
  // 32: the header tells gzip or zlib. Fails only without memory, which the first step then says.
  Gzip() { inflateInit2(&stream_, 15 + 32); }
  ~Gzip() { inflateEnd(&stream_); }
  Step run(Buffers& buffers) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(buffers.in.data()));
    stream_.avail_in = static_cast<uInt>(buffers.in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(buffers.out.data());
    stream_.avail_out = static_cast<uInt>(buffers.out.size());
    const int code = inflate(&stream_, Z_NO_FLUSH);
    buffers.in = buffers.in.last(stream_.avail_in);
    buffers.out = buffers.out.last(stream_.avail_out);
    if (code == Z_STREAM_END) return Step::kEnd;
    return code == Z_OK || code == Z_BUF_ERROR ? Step::kMore : Step::kDamaged;
  }
  void restart() { inflateReset(&stream_); }

 private:
  z_stream stream_{};
};

class Xz {
 public:
  Xz() { restart(); }
  ~Xz() { lzma_end(&stream_); }
  Step run(Buffers& buffers) {
    stream_.next_in = reinterpret_cast<const uint8_t*>(buffers.in.data());
    stream_.avail_in = buffers.in.size();
    stream_.next_out = reinterpret_cast<uint8_t*>(buffers.out.data());
    stream_.avail_out = buffers.out.size();
    const lzma_ret code = lzma_code(&stream_, LZMA_RUN);
    buffers.in = buffers.in.last(stream_.avail_in);
    buffers.out = buffers.out.last(stream_.avail_out);
    if (code == LZMA_STREAM_END) return Step::kEnd;
    return code == LZMA_OK || code == LZMA_BUF_ERROR ? Step::kMore : Step::kDamaged;
  }
  void restart() {
    lzma_end(&stream_);
    // Fails only without memory, which the next step then says.
    [[maybe_unused]] const lzma_ret ready = lzma_stream_decoder(&stream_, UINT64_MAX, 0);
  }

 private:
  lzma_stream stream_ = LZMA_STREAM_INIT;
};

class Bzip2 {
 public:
  Bzip2() { BZ2_bzDecompressInit(&stream_, 0, 0); }
  ~Bzip2() { BZ2_bzDecompressEnd(&stream_); }
  Step run(Buffers& buffers) {
    stream_.next_in = const_cast<char*>(buffers.in.data());
    stream_.avail_in = static_cast<unsigned>(buffers.in.size());
    stream_.next_out = buffers.out.data();
    stream_.avail_out = static_cast<unsigned>(buffers.out.size());
    const int code = BZ2_bzDecompress(&stream_);
    buffers.in = buffers.in.last(stream_.avail_in);
    buffers.out = buffers.out.last(stream_.avail_out);
    if (code == BZ_STREAM_END) return Step::kEnd;
    return code == BZ_OK ? Step::kMore : Step::kDamaged;
  }
  void restart() {
    BZ2_bzDecompressEnd(&stream_);
    stream_ = {};
    BZ2_bzDecompressInit(&stream_, 0, 0);
  }

 private:
  bz_stream stream_{};
};

class Zstd {
 public:
  Zstd() : context_(ZSTD_createDCtx()) {}
  ~Zstd() { ZSTD_freeDCtx(context_); }
  Zstd(const Zstd&) = delete;
  Zstd& operator=(const Zstd&) = delete;
  Step run(Buffers& buffers) {
    ZSTD_inBuffer in{buffers.in.data(), buffers.in.size(), 0};
    ZSTD_outBuffer out{buffers.out.data(), buffers.out.size(), 0};
    const size_t left = ZSTD_decompressStream(context_, &out, &in);
    buffers.in = buffers.in.subspan(in.pos);
    buffers.out = buffers.out.subspan(out.pos);
    if (ZSTD_isError(left)) return Step::kDamaged;
    return left == 0 ? Step::kEnd : Step::kMore;
  }
  void restart() {}  // a context goes on with the next frame by itself

 private:
  ZSTD_DCtx* context_;
};

template <class Codec>
class CompressedSource final : public ByteSource {
 public:
  explicit CompressedSource(std::unique_ptr<PlainSource> file) : file_(std::move(file)) {}

  Result<size_t> read(std::span<char> out) override {
    Buffers buffers{in_, out};
    while (buffers.out.size() == out.size() && !ended_) {
      if (buffers.in.empty()) {
        const Result<size_t> got = file_->read(input_);
        if (!got) return got.error();
        buffers.in = std::span(input_).first(*got);
      }
      const bool at_end = buffers.in.empty();
      if (at_end && !in_stream_) break;
      const bool begins = !std::exchange(in_stream_, true);
      const Step step = codec_.run(buffers);
      if (step == Step::kEnd) {
        in_stream_ = false;
        any_stream_ = true;
        codec_.restart();
      } else if (step == Step::kDamaged) {
        // Behind a whole stream there may be padding.
        if (!begins || !any_stream_) return damaged();
        ended_ = true;
      } else if (at_end && buffers.out.size() == out.size()) {
        is_cut_ = ended_ = true;  // nothing more comes in, and nothing out
      }
    }
    in_ = buffers.in;
    return out.size() - buffers.out.size();
  }
  bool is_cut() const override { return is_cut_; }

 private:
  Error damaged() const {
    return {Errc::kBadFormat,
            fmt::format("trace '{}' is damaged: its compressed data makes no sense; make or fetch "
                        "it again",
                        file_->path())};
  }

  std::unique_ptr<PlainSource> file_;
  Codec codec_;
  std::vector<char> input_ = std::vector<char>(kInputBytes);
  std::span<const char> in_;
  bool in_stream_ = false;
  bool any_stream_ = false;
  bool ended_ = false;
  bool is_cut_ = false;
};

// Recordings that are no text, and what makes text of them.
struct Recording {
  std::string_view magic;
  const char* what;
  const char* command;
};
constexpr Recording kRecordings[] = {
    {"PERFILE2"sv, "a recording of perf", "perf script -i"},
    {"2ELIFREP"sv, "a recording of perf", "perf script -i"},
    {"\x17\x08\x44tracing"sv, "a recording of trace-cmd", "trace-cmd report"},
};

}  // namespace

Result<std::unique_ptr<ByteSource>> open_bytes(const std::string& path) {
  const int descriptor = path == "-" ? dup(STDIN_FILENO) : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return cannot_read(path, std::strerror(errno));
  auto file = std::make_unique<PlainSource>(path, descriptor);
  struct stat status {};
  if (fstat(descriptor, &status) == 0 && S_ISDIR(status.st_mode)) {
    return cannot_read(path, "it is a folder");
  }
  const Result<std::string_view> peeked = file->peek();
  if (!peeked) return peeked.error();
  const std::string_view beginning = *peeked;
  for (const Recording& recording : kRecordings) {
    if (!beginning.starts_with(recording.magic)) continue;
    return Error{Errc::kBadFormat,
                 fmt::format("'{0}' is {1}, not its text; make text of it with `{2} '{0}' > "
                             "trace.txt` and replay that",
                             path, recording.what, recording.command)};
  }
  const auto decompress = [&]<class Codec>(Codec*) -> std::unique_ptr<ByteSource> {
    return std::make_unique<CompressedSource<Codec>>(std::move(file));
  };
  if (beginning.starts_with("\x1f\x8b"sv)) return decompress(static_cast<Gzip*>(nullptr));
  if (beginning.starts_with("\xfd\x37zXZ\0"sv)) return decompress(static_cast<Xz*>(nullptr));
  if (beginning.starts_with("BZh"sv)) return decompress(static_cast<Bzip2*>(nullptr));
  if (beginning.starts_with("\x28\xb5\x2f\xfd"sv)) return decompress(static_cast<Zstd*>(nullptr));
  return std::unique_ptr<ByteSource>(std::move(file));
}

Result<std::string> read_all_bytes(const std::string& path) {
  constexpr size_t kMostBytes = size_t{1} << 30;
  const Result<std::unique_ptr<ByteSource>> source = open_bytes(path);
  if (!source) return source.error();
  std::string text;
  std::vector<char> buffer(kInputBytes);
  for (;;) {
    const Result<size_t> got = (*source)->read(buffer);
    if (!got) return got.error();
    if (*got == 0) break;
    text.append(buffer.data(), *got);
    if (text.size() > kMostBytes) {
      return Error{Errc::kBadFormat, fmt::format("'{}' has more than 1 GiB of text", path)};
    }
  }
  if ((*source)->is_cut()) {
    return Error{Errc::kBadFormat, fmt::format("'{}' is cut off; record it again", path)};
  }
  return text;
}

}  // namespace ring3::harness
