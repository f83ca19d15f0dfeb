// Where the parts of a process lie.

#include "mm/heap/process_layout.h"

#include <unistd.h>
#include <boost/test/unit_test.hpp>

#include <array>
#include <fstream>
#include <sstream>
#include <string>

namespace ring3::mm {

static int variable_with_a_value = 1;
static int variable_without;

BOOST_AUTO_TEST_SUITE(mm_heap_process_layout)

constexpr ProgramSizes kSizes = {.text = 0x12345,
                                 .rodata = 0x1000,
                                 .data = 0x800,
                                 .bss = 0x900,
                                 .heap = 0x21000,
                                 .mapped = 0x200000,
                                 .stack = 0x21000};

std::string text_of(const ProcessLayout& layout) {
  std::ostringstream text;
  text << std::hex;
  for (const Segment& segment : layout.segments) {
    text << to_string(segment.kind) << ' ' << segment.begin << '-' << segment.end << '\n';
  }
  return text.str();
}

// User space ends at 3 GiB of 4; the heap grows up from behind bss, the mmap area down from below
// the stack.
BOOST_AUTO_TEST_CASE(of_32_bits_the_process_has_3_gib) {
  const ProcessLayout layout = layout_32bit(kSizes);
  BOOST_TEST(layout.task_size == uint64_t{3} << 30);
  BOOST_TEST(text_of(layout) ==
             "text 8048000-805a345\n"
             "rodata 805b000-805c000\n"
             "data 805c000-805c800\n"
             "bss 805c800-805d100\n"
             "heap 805e000-807f000\n"
             "mmap area b7e00000-b8000000\n"
             "stack bffdf000-c0000000\n"
             "kernel c0000000-100000000\n");
  BOOST_TEST(layout.segments.back().size_bytes() == uint64_t{1} << 30);
}

BOOST_AUTO_TEST_CASE(of_64_bits_it_has_47) {
  const ProcessLayout layout = layout_64bit(kSizes);
  BOOST_TEST(layout.task_size == 0x7ffffffff000u);
  BOOST_TEST(text_of(layout) ==
             "text 555555554000-555555566345\n"
             "rodata 555555567000-555555568000\n"
             "data 555555568000-555555568800\n"
             "bss 555555568800-555555569100\n"
             "heap 55555556a000-55555558b000\n"
             "mmap area 7ffff7dff000-7ffff7fff000\n"
             "stack 7ffffffde000-7ffffffff000\n"
             "kernel ffff800000000000-ffffffffffffffff\n");
}

BOOST_AUTO_TEST_CASE(maps_are_read) {
  const Result<ProcessLayout> layout = layout_of_maps(
      "5581f0a00000-5581f0a02000 r--p 00000000 08:01 131 /usr/bin/cat\n"
      "5581f0a02000-5581f0a07000 r-xp 00002000 08:01 131 /usr/bin/cat\n"
      "5581f0a07000-5581f0a0a000 r--p 00007000 08:01 131 /usr/bin/cat\n"
      "5581f0a0a000-5581f0a0b000 rw-p 0000a000 08:01 131 /usr/bin/cat\n"
      "5581f0a0b000-5581f0a0d000 rw-p 00000000 00:00 0 \n"
      "5581f2000000-5581f2021000 rw-p 00000000 00:00 0                [heap]\n"
      "7f0000000000-7f0000001000 rw-p 00000000 00:00 0 \n"
      "7f0000200000-7f0000300000 r-xp 00000000 08:01 99 /lib/x86_64-linux-gnu/libc.so.6\n"
      "7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0                [stack]\n"
      "7ffc00100000-7ffc00104000 r--p 00000000 00:00 0                [vvar]\n"
      "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0        [vsyscall]\n",
      "/usr/bin/cat");
  BOOST_REQUIRE(layout);
  BOOST_TEST(text_of(*layout) ==
             "rodata 5581f0a00000-5581f0a02000\n"
             "text 5581f0a02000-5581f0a07000\n"
             "rodata 5581f0a07000-5581f0a0a000\n"
             "data 5581f0a0a000-5581f0a0b000\n"
             "bss 5581f0a0b000-5581f0a0d000\n"
             "heap 5581f2000000-5581f2021000\n"
             "mmap area 7f0000000000-7f0000300000\n"
             "stack 7ffc00000000-7ffc00021000\n"
             "mmap area 7ffc00100000-7ffc00104000\n"
             "kernel ffff800000000000-ffffffffffffffff\n");
}

BOOST_AUTO_TEST_CASE(lines_that_are_none_are_named) {
  for (const char* line :
       {"x", "5581-", "5581-5580 r--p 0 0:0 0", "1000-2000 r-- 0 0:0 0", "1000-2000 r--p 0"}) {
    const Result<ProcessLayout> layout =
        layout_of_maps(std::string("1000-2000 r--p 0 0:0 0\n") + line + "\n", "/a");
    BOOST_REQUIRE(!layout);
    BOOST_TEST(layout.error().message ==
               "line 2 is none of /proc/<pid>/maps: \"" + std::string(line) + "\"");
  }
}

// What this very program has, is where its maps say.
BOOST_AUTO_TEST_CASE(this_process_lies_as_it_should) {
  std::ifstream file("/proc/self/maps");
  std::ostringstream maps;
  maps << file.rdbuf();
  std::array<char, 4096> path{};
  const ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
  BOOST_REQUIRE(length > 0);
  const Result<ProcessLayout> layout =
      layout_of_maps(maps.str(), {path.data(), static_cast<size_t>(length)});
  BOOST_REQUIRE(layout);
  const auto kind_at = [&](const void* pointer) {
    const auto address = reinterpret_cast<uintptr_t>(pointer);
    for (const Segment& segment : layout->segments) {
      if (address >= segment.begin && address < segment.end) return to_string(segment.kind);
    }
    return std::string_view("nothing");
  };
  int on_stack = 0;
  BOOST_TEST(kind_at(&on_stack) == "stack");
  BOOST_TEST(kind_at(reinterpret_cast<const void*>(&text_of)) == "text");
  BOOST_TEST(kind_at(&kSizes) == "rodata");
  BOOST_TEST(kind_at(&variable_with_a_value) == "data");
  BOOST_TEST((kind_at(&variable_without) == "bss" || kind_at(&variable_without) == "data"));
  BOOST_TEST(kind_at(nullptr) == "nothing");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
