#include "harness/heap/mtrace.h"

#include <fmt/format.h>
#include <tsl/robin_map.h>

#include <algorithm>
#include <array>
#include <optional>

#include "lib/lines.h"
#include "lib/numbers.h"

namespace ring3::harness {
namespace {

struct Record {
  char op;
  uint64_t address;
  uint64_t bytes;  // 0 where there is none
};

std::optional<uint64_t> parse_hex(std::string_view word) {
  if (word == "(nil)" || word == "0") return 0;
  return word.starts_with("0x") ? whole_number(word.substr(2), 16) : std::nullopt;
}

// The last words of a line, the last one first.
std::array<std::string_view, 3> last_words(std::string_view line) {
  std::array<std::string_view, 3> words;
  for (std::string_view& word : words) {
    const size_t end = line.find_last_not_of(" \t\r");
    if (end == std::string_view::npos) break;
    line = line.substr(0, end + 1);
    const size_t start = line.find_last_of(" \t") + 1;  // 0 where there is none
    word = line.substr(start);
    line = line.substr(0, start);
  }
  return words;
}

std::optional<Record> parse_record(std::string_view line) {
  const auto [last, second, third] = last_words(line);
  const auto is_one_of = [](std::string_view word, std::string_view ops) {
    return word.size() == 1 && ops.find(word[0]) != std::string_view::npos;
  };
  if (is_one_of(second, "-<")) {
    const std::optional<uint64_t> address = parse_hex(last);
    if (!address) return std::nullopt;
    return Record{second[0], *address, 0};
  }
  if (is_one_of(third, "+>!")) {
    const std::optional<uint64_t> address = parse_hex(second);
    const std::optional<uint64_t> bytes = parse_hex(last);
    if (!address || !bytes) return std::nullopt;
    return Record{third[0], *address, *bytes};
  }
  return std::nullopt;
}

class MtraceParser {
 public:
  Result<HeapProgram> parse(std::string_view text) {
    uint64_t records = 0;
    while (!text.empty()) {
      const std::string_view line = take_line(text);
      ++line_;
      if (line.empty() || line.starts_with('=')) continue;
      const std::optional<Record> record =
          line.starts_with('@') ? parse_record(line) : std::nullopt;
      if (!record) {
        program_.add_broken(line_, fmt::format("no line of mtrace: \"{}\"", line.substr(0, 60)));
        continue;
      }
      ++records;
      take(*record);
    }
    if (records == 0) {
      return Error{Errc::kBadFormat,
                   fmt::format("none of {} lines is one that glibc's mtrace writes, as in \"@ "
                               "./prog:[0x401136] + 0x1c8d6b0 0x64\"",
                               line_)};
    }
    program_.uses_blocks = true;
    return std::move(program_);
  }

 private:
  void take(const Record& record) {
    switch (record.op) {
      case '+':
        return allocate(record);
      case '-':
        return release(record.address);
      case '<':
        moved_from_ = record.address;
        return;
      case '>':
        return reallocate(record);
      default:
        return;  // failed: nothing has changed
    }
  }

  void allocate(const Record& record) {
    if (record.address == 0) return;
    // Its free was not seen.
    if (slots_.contains(record.address)) release(record.address);
    add({.kind = HeapCallKind::kMalloc, .to = new_slot(record.address), .bytes = record.bytes});
  }
  void release(uint64_t address) {
    const auto found = slots_.find(address);
    if (found == slots_.end()) {
      ++program_.unknown_frees;
      return;
    }
    add({.kind = HeapCallKind::kFree, .from = found->second});
    variables_.give_back(found->second);
    slots_.erase(found);
  }
  // A block from before the trace comes in with its new size.
  void reallocate(const Record& record) {
    const auto found = moved_from_ ? slots_.find(*moved_from_) : slots_.end();
    moved_from_.reset();
    if (found == slots_.end()) return allocate(record);
    const uint32_t slot = found->second;
    slots_.erase(found);
    if (slots_.contains(record.address)) release(record.address);
    slots_[record.address] = slot;
    add({.kind = HeapCallKind::kRealloc, .to = slot, .from = slot, .bytes = record.bytes});
  }

  uint32_t new_slot(uint64_t address) {
    const uint32_t slot = variables_.take();
    slots_[address] = slot;
    return slot;
  }
  void add(HeapCall call) {
    call.line = line_;
    program_.calls.push_back(call);
  }

  HeapProgram program_;
  VariablePool variables_{program_.variables, 'm'};
  uint64_t line_ = 0;
  tsl::robin_map<uint64_t, uint32_t> slots_;  // by address
  std::optional<uint64_t> moved_from_;
};

}  // namespace

Result<HeapProgram> parse_mtrace(std::string_view text) { return MtraceParser().parse(text); }

}  // namespace ring3::harness
