#pragma once

// What lies where in a process: the picture with which every text on malloc begins.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/result.h"

namespace ring3::mm {

// From low addresses to high ones.
enum class SegmentKind : uint8_t {
  kText,    // code
  kRodata,  // constants; in a real process, an image's headers too
  kData,    // variables with a value to begin with
  kBss,     // variables that begin as zero
  kHeap,    // up to the program break
  kMmap,    // libraries, mapped files, large blocks of malloc; grows downward
  kStack,   // grows downward
  kKernel,  // no business of the process
};
std::string_view to_string(SegmentKind kind);

struct Segment {
  SegmentKind kind;
  uint64_t begin;
  uint64_t end;  // the first address beyond it; UINT64_MAX for the end of 64 bits

  uint64_t size_bytes() const { return end - begin; }
  bool operator==(const Segment&) const = default;
};

struct ProcessLayout {
  std::string name;
  uint64_t task_size;             // where the addresses of a process end
  std::vector<Segment> segments;  // in address order; what is between is not mapped
};

// Bytes of a program's parts.
struct ProgramSizes {
  uint64_t text;
  uint64_t rodata;
  uint64_t data;
  uint64_t bss;
  uint64_t heap;
  uint64_t mapped;
  uint64_t stack;
};

// Of each kind of segment, what `layout` has in all.
ProgramSizes sizes_of(const ProcessLayout& layout);

// As the kernel lays a program out without address space randomisation: i386 with 3 GiB for the
// process and 1 GiB for the kernel; x86-64 with 47 bits for a position-independent program.
// (Documentation/arch/x86/x86_64/mm.rst; arch/x86/mm/mmap.c for where mmap begins, 128 MiB below
// the stack's top at least; the i386 ABI for 0x08048000.) The parts must fit.
ProcessLayout layout_32bit(const ProgramSizes& sizes);
ProcessLayout layout_64bit(const ProgramSizes& sizes);

// What /proc/<pid>/maps says of an x86-64 process whose program is the file `program`. kBadFormat
// with the line that is none of such a file.
Result<ProcessLayout> layout_of_maps(std::string_view maps, std::string_view program);

}  // namespace ring3::mm
