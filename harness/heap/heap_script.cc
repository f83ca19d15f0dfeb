#include "harness/heap/heap_script.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>

#include "harness/base/parse_values.h"
#include "lib/lines.h"
#include "lib/result.h"

namespace ring3::harness {
namespace {

// A call by name: how many numbers follow, and whether a pointer comes before them.
struct Form {
  std::string_view name;
  HeapCallKind kind;
  bool takes_pointer;
  size_t least_numbers;
  size_t most_numbers;
  std::string_view usage;
};

constexpr Form kForms[] = {
    {"malloc", HeapCallKind::kMalloc, false, 1, 1, "p = malloc BYTES"},
    {"calloc", HeapCallKind::kCalloc, false, 2, 2, "p = calloc COUNT BYTES"},
    {"aligned_alloc", HeapCallKind::kAlignedAlloc, false, 2, 2,
     "p = aligned_alloc ALIGNMENT BYTES"},
    {"realloc", HeapCallKind::kRealloc, true, 1, 1, "q = realloc p BYTES"},
    {"free", HeapCallKind::kFree, true, 0, 0, "free p"},
    {"trim", HeapCallKind::kTrim, false, 0, 1, "trim [BYTES]"},
    {"sbrk", HeapCallKind::kSbrk, false, 1, 1, "sbrk INCREMENT"},
    {"touch", HeapCallKind::kTouch, true, 0, 0, "touch p+OFFSET"},
    {"fill", HeapCallKind::kFill, true, 1, 1, "fill p BYTES"},
};

const Form* form_named(std::string_view name) {
  const auto* form = std::ranges::find(kForms, name, &Form::name);
  return form == std::end(kForms) ? nullptr : form;
}

bool is_name(std::string_view word) {
  return !word.empty() && std::isdigit(static_cast<unsigned char>(word[0])) == 0 &&
         std::ranges::all_of(word,
                             [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

std::vector<std::string_view> words_of(std::string_view line) {
  constexpr std::string_view kBlanks = " \t\r(),;";
  std::vector<std::string_view> words;
  line = line.substr(0, line.find('#'));
  for (;;) {
    const size_t start = line.find_first_not_of(kBlanks);
    if (start == std::string_view::npos) return words;
    line.remove_prefix(start);
    const size_t length =
        line[0] == '=' ? 1 : std::min(line.find_first_of(" \t\r(),;="), line.size());
    words.push_back(line.substr(0, length));
    line.remove_prefix(length);
  }
}

class ScriptParser {
 public:
  HeapProgram parse(std::string_view text) {
    uint64_t number = 0;
    while (!text.empty()) {
      const std::string_view line = take_line(text);
      ++number;
      if (const Status parsed = parse_line(number, words_of(line)); !parsed) {
        program_.add_broken(number, parsed.error().message);
      }
    }
    return std::move(program_);
  }

 private:
  static Error wrong(std::string message) { return {Errc::kBadFormat, std::move(message)}; }

  Status parse_line(uint64_t number, std::vector<std::string_view> words) {
    if (words.empty()) return {};
    HeapCall call{.kind = HeapCallKind::kMalloc, .line = number};
    std::string_view target;
    if (words.size() > 1 && words[1] == "=") {
      target = words[0];
      if (!is_name(target) || target == "null" || target == "break") {
        return wrong(fmt::format("'{}' is no name for a pointer", target));
      }
      words.erase(words.begin(), words.begin() + 2);
    }
    const Form* form = words.empty() ? nullptr : form_named(words[0]);
    if (form == nullptr) {
      return wrong(fmt::format(
          "'{}' is no call; use malloc, calloc, aligned_alloc, realloc, free, trim, sbrk, touch or "
          "fill",
          words.empty() ? std::string_view() : words[0]));
    }
    call.kind = form->kind;
    if (call.kind == HeapCallKind::kTouch) call.bytes = 1;
    words.erase(words.begin());
    const size_t pointers = form->takes_pointer ? 1 : 0;
    if (words.size() < pointers + form->least_numbers ||
        words.size() > pointers + form->most_numbers || call.returns_block() == target.empty()) {
      return wrong(fmt::format("should be: {}", form->usage));
    }
    if (form->takes_pointer) {
      if (Status read = read_pointer(words[0], call); !read) return read;
      words.erase(words.begin());
    }
    if (Status read = read_numbers(words, call); !read) return read;
    if (call.returns_block()) call.to = variable(target);
    program_.calls.push_back(call);
    return {};
  }

  // "p", "p+100", "p-8".
  Status read_pointer(std::string_view word, HeapCall& call) {
    const size_t sign = word.find_first_of("+-");
    const std::string_view name = word.substr(0, sign);
    if (name == "null") {
      call.from = HeapCall::kNull;
    } else if (name == "break") {
      call.from = HeapCall::kBreak;
    } else if (const auto found = variables_.find(name); found != variables_.end()) {
      call.from = found->second;
    } else {
      return wrong(fmt::format("no pointer is named '{}' so far", name));
    }
    if (sign == std::string_view::npos) return {};
    return read_signed(word.substr(sign), call.offset);
  }

  Status read_numbers(const std::vector<std::string_view>& words, HeapCall& call) {
    if (call.kind == HeapCallKind::kSbrk) return read_signed(words[0], call.offset);
    const bool has_extra = words.size() == 2;
    for (size_t i = 0; i < words.size(); ++i) {
      const Result<uint64_t> number = parse_size(words[i]);
      if (!number) return number.error();
      (has_extra && i == 0 ? call.extra : call.bytes) = *number;
    }
    return {};
  }

  Status read_signed(std::string_view word, int64_t& to) {
    const bool negative = word.starts_with('-');
    if (negative || word.starts_with('+')) word.remove_prefix(1);
    const Result<uint64_t> number = parse_size(word);
    if (!number) return number.error();
    if (*number > static_cast<uint64_t>(INT64_MAX)) {
      return wrong(fmt::format("{} is more than the {} that an offset can be", word, INT64_MAX));
    }
    to = negative ? -static_cast<int64_t>(*number) : static_cast<int64_t>(*number);
    return {};
  }

  uint32_t variable(std::string_view name) {
    const auto [found, is_new] =
        variables_.emplace(name, static_cast<uint32_t>(program_.variables.size()));
    if (is_new) program_.variables.emplace_back(name);
    return found->second;
  }

  HeapProgram program_;
  std::map<std::string, uint32_t, std::less<>> variables_;
};

std::string pointer_text(const HeapCall& call, const HeapProgram& program) {
  std::string text = call.from == HeapCall::kNull    ? "null"
                     : call.from == HeapCall::kBreak ? "break"
                                                     : program.variables[call.from];
  if (call.offset != 0) text += fmt::format("{:+}", call.offset);
  return text;
}

}  // namespace

void HeapProgram::add_broken(uint64_t line, std::string reason) {
  if (++broken_lines > kMostBrokenShown) return;
  broken.push_back(fmt::format("line {}: {}", line, std::move(reason)));
}

HeapProgram parse_heap_script(std::string_view text) { return ScriptParser().parse(text); }

std::string to_string(const HeapCall& call, const HeapProgram& program) {
  const std::string target = call.returns_block() ? program.variables[call.to] + " = " : "";
  switch (call.kind) {
    case HeapCallKind::kMalloc:
      return fmt::format("{}malloc {}", target, call.bytes);
    case HeapCallKind::kCalloc:
      return fmt::format("{}calloc {} {}", target, call.extra, call.bytes);
    case HeapCallKind::kAlignedAlloc:
      return fmt::format("{}aligned_alloc {} {}", target, call.extra, call.bytes);
    case HeapCallKind::kRealloc:
      return fmt::format("{}realloc {} {}", target, pointer_text(call, program), call.bytes);
    case HeapCallKind::kFree:
      return fmt::format("free {}", pointer_text(call, program));
    case HeapCallKind::kTrim:
      return fmt::format("trim {}", call.bytes);
    case HeapCallKind::kSbrk:
      return fmt::format("sbrk {}", call.offset);
    case HeapCallKind::kTouch:
      return fmt::format("touch {}", pointer_text(call, program));
    case HeapCallKind::kFill:
      return fmt::format("fill {} {}", pointer_text(call, program), call.bytes);
  }
  return {};
}

}  // namespace ring3::harness
