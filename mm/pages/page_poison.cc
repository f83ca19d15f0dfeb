#include "mm/pages/page_poison.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cctype>
#include <cstring>
#include <iterator>
#include <span>

namespace ring3::mm {
namespace {

constexpr size_t kDumpWidth = 16;
constexpr size_t kMostDumped = 256;  // bytes

bool is_wrong(unsigned char byte) { return byte != kPagePoison; }

void add_dump(std::string& text, std::span<const unsigned char> bytes) {
  for (size_t at = 0; at < bytes.size(); at += kDumpWidth) {
    const auto row = bytes.subspan(at, std::min(kDumpWidth, bytes.size() - at));
    fmt::format_to(std::back_inserter(text), "{}: ", fmt::ptr(row.data()));
    for (const unsigned char byte : row) fmt::format_to(std::back_inserter(text), "{:02x} ", byte);
    text.append(3 * (kDumpWidth - row.size()) + 1, ' ');
    for (const unsigned char byte : row) {
      text += std::isprint(byte) != 0 ? static_cast<char>(byte) : '.';
    }
    text += '\n';
  }
}

}  // namespace

// Each byte is what the one before it is.
bool is_poisoned(const void* start, size_t size_bytes) {
  const auto* bytes = static_cast<const unsigned char*>(start);
  return bytes[0] == kPagePoison && std::memcmp(bytes, bytes + 1, size_bytes - 1) == 0;
}

std::string page_poison_report(const void* start, size_t size_bytes) {
  const std::span bytes(static_cast<const unsigned char*>(start), size_bytes);
  const auto first = std::ranges::find_if(bytes, is_wrong);
  const auto last = std::find_if(bytes.rbegin(), bytes.rend(), is_wrong).base();
  const std::span wrong(first, last);
  const bool single_bit = wrong.size() == 1 && std::popcount(unsigned(wrong[0] ^ kPagePoison)) == 1;
  std::string text =
      fmt::format("pagealloc: {}\n", single_bit ? "single bit error" : "memory corruption");
  add_dump(text, wrong.first(std::min(wrong.size(), kMostDumped)));
  if (wrong.size() > kMostDumped) {
    fmt::format_to(std::back_inserter(text), "and {} bytes more\n", wrong.size() - kMostDumped);
  }
  return text;
}

}  // namespace ring3::mm
