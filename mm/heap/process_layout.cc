#include "mm/heap/process_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "lib/bits.h"
#include "lib/lines.h"

namespace ring3::mm {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kMinMmapGap = uint64_t{128} << 20;  // for the stack to grow

// Where an architecture puts what.
struct AddressSpace {
  uint64_t task_size;
  uint64_t image;
  uint64_t stack_top;
  uint64_t kernel;
  uint64_t end;
};
constexpr AddressSpace kI386 = {.task_size = 0xc0000000,
                                .image = 0x08048000,
                                .stack_top = 0xc0000000,
                                .kernel = 0xc0000000,
                                .end = uint64_t{1} << 32};
// Two thirds up is where a program that may lie anywhere is put.
constexpr uint64_t kTaskSize64 = (uint64_t{1} << 47) - kPage;
constexpr AddressSpace kX8664 = {.task_size = kTaskSize64,
                                 .image = align_down(kTaskSize64 / 3 * 2, kPage),
                                 .stack_top = kTaskSize64,
                                 .kernel = 0xffff800000000000,
                                 .end = UINT64_MAX};

ProcessLayout lay_out(std::string name, const AddressSpace& space, const ProgramSizes& sizes) {
  ProcessLayout layout{std::move(name), space.task_size, {}};
  uint64_t at = space.image;
  const auto add = [&](SegmentKind kind, uint64_t bytes, uint64_t alignment) {
    at = align_up(at, alignment);
    if (bytes != 0) layout.segments.push_back({kind, at, at + bytes});
    at += bytes;
  };
  add(SegmentKind::kText, sizes.text, kPage);
  add(SegmentKind::kRodata, sizes.rodata, kPage);
  add(SegmentKind::kData, sizes.data, kPage);
  add(SegmentKind::kBss, sizes.bss, 1);
  add(SegmentKind::kHeap, sizes.heap, kPage);
  const uint64_t mmap_top = space.stack_top - kMinMmapGap;
  if (sizes.mapped != 0) {
    layout.segments.push_back(
        {SegmentKind::kMmap, align_down(mmap_top - sizes.mapped, kPage), mmap_top});
  }
  layout.segments.push_back(
      {SegmentKind::kStack, align_down(space.stack_top - sizes.stack, kPage), space.stack_top});
  layout.segments.push_back({SegmentKind::kKernel, space.kernel, space.end});
  return layout;
}

// A line of maps: "begin-end perms offset device inode   path".
struct Mapping {
  uint64_t begin;
  uint64_t end;
  std::string_view permissions;
  std::string_view path;
};

std::optional<Mapping> parse_mapping(std::string_view line) {
  Mapping mapping{};
  const char* end = line.data() + line.size();
  auto number = std::from_chars(line.data(), end, mapping.begin, 16);
  if (number.ec != std::errc() || number.ptr == end || *number.ptr != '-') return std::nullopt;
  number = std::from_chars(number.ptr + 1, end, mapping.end, 16);
  if (number.ec != std::errc() || mapping.end <= mapping.begin) return std::nullopt;
  line.remove_prefix(static_cast<size_t>(number.ptr - line.data()));
  // The four words behind the addresses; the first counts.
  for (int word = 0; word < 4; ++word) {
    const size_t start = line.find_first_not_of(' ');
    if (start == std::string_view::npos) return std::nullopt;
    line.remove_prefix(start);
    const size_t length = std::min(line.find(' '), line.size());
    if (word == 0) mapping.permissions = line.substr(0, length);
    line.remove_prefix(length);
  }
  if (mapping.permissions.size() != 4) return std::nullopt;
  const size_t start = line.find_first_not_of(' ');
  if (start != std::string_view::npos) mapping.path = line.substr(start);
  return mapping;
}

// `data_end` is where the program's own data ended so far; 0: there was none.
SegmentKind kind_of(const Mapping& mapping, std::string_view program, uint64_t data_end) {
  if (mapping.path == "[stack]") return SegmentKind::kStack;
  if (mapping.path == "[heap]") return SegmentKind::kHeap;
  if (mapping.path == "[vsyscall]") return SegmentKind::kKernel;
  if (mapping.path == program) {
    if (mapping.permissions[2] == 'x') return SegmentKind::kText;
    return mapping.permissions[1] == 'w' ? SegmentKind::kData : SegmentKind::kRodata;
  }
  return mapping.path.empty() && mapping.begin == data_end ? SegmentKind::kBss : SegmentKind::kMmap;
}

}  // namespace

std::string_view to_string(SegmentKind kind) {
  switch (kind) {
    case SegmentKind::kText:
      return "text";
    case SegmentKind::kRodata:
      return "rodata";
    case SegmentKind::kData:
      return "data";
    case SegmentKind::kBss:
      return "bss";
    case SegmentKind::kHeap:
      return "heap";
    case SegmentKind::kMmap:
      return "mmap area";
    case SegmentKind::kStack:
      return "stack";
    case SegmentKind::kKernel:
      return "kernel";
  }
  return "?";
}

ProgramSizes sizes_of(const ProcessLayout& layout) {
  const auto total = [&layout](SegmentKind kind) {
    uint64_t bytes = 0;
    for (const Segment& segment : layout.segments) {
      if (segment.kind == kind) bytes += segment.size_bytes();
    }
    return bytes;
  };
  return {.text = total(SegmentKind::kText),
          .rodata = total(SegmentKind::kRodata),
          .data = total(SegmentKind::kData),
          .bss = total(SegmentKind::kBss),
          .heap = total(SegmentKind::kHeap),
          .mapped = total(SegmentKind::kMmap),
          .stack = total(SegmentKind::kStack)};
}

ProcessLayout layout_32bit(const ProgramSizes& sizes) {
  return lay_out("32 bits, 3G/1G", kI386, sizes);
}
ProcessLayout layout_64bit(const ProgramSizes& sizes) { return lay_out("64 bits", kX8664, sizes); }

Result<ProcessLayout> layout_of_maps(std::string_view maps, std::string_view program) {
  ProcessLayout layout{"this process", kX8664.task_size, {}};
  uint64_t data_end = 0;
  for (size_t number = 1; !maps.empty(); ++number) {
    const std::string_view line = take_line(maps);
    if (line.empty()) continue;
    const std::optional<Mapping> mapping = parse_mapping(line);
    if (!mapping) {
      return Error{Errc::kBadFormat, fmt::format("line {} is none of /proc/<pid>/maps: \"{}\"",
                                                 number, line.substr(0, 80))};
    }
    const SegmentKind kind = kind_of(*mapping, program, data_end);
    if (kind == SegmentKind::kKernel) continue;  // drawn whole, below
    if (kind == SegmentKind::kData) data_end = mapping->end;
    // The mmap area is one, with its gaps; so is what else has several mappings in a row.
    Segment* last = layout.segments.empty() ? nullptr : &layout.segments.back();
    if (last != nullptr && last->kind == kind) {
      last->end = mapping->end;
    } else {
      layout.segments.push_back({kind, mapping->begin, mapping->end});
    }
  }
  layout.segments.push_back({SegmentKind::kKernel, kX8664.kernel, kX8664.end});
  return layout;
}

}  // namespace ring3::mm
