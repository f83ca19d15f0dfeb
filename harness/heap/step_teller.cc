#include "harness/heap/step_teller.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "harness/heap/heap_script.h"

namespace ring3::harness {
namespace {

constexpr size_t kWidth = 96;       // of a row of boxes
constexpr size_t kMostBoxes = 24;   // of which the middle ones are left out beyond
constexpr size_t kMostListed = 12;  // of the free list

std::string plural(uint64_t count, std::string_view what) {
  return count == 0 ? fmt::format("no {}", what)
                    : fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// Boxes side by side, with what is written in them and where each begins.
class Boxes {
 public:
  void add(std::string label, const std::string& begins) {
    const size_t inner = std::max(label.size(), begins.size()) + 1;
    if (!edge_.empty() && edge_.size() + inner + 2 > kWidth) finish_row("");
    edge_ += fmt::format("+{:-<{}}", "", inner);
    label_ += fmt::format("|{:<{}}", label, inner);
    below_ += fmt::format("{:<{}}", begins, inner + 1);
  }
  std::string finish(const std::string& end) {
    if (!edge_.empty() || text_.empty()) finish_row(end);
    return std::move(text_);
  }

 private:
  void finish_row(const std::string& end) {
    const std::string below = below_ + end;
    fmt::format_to(std::back_inserter(text_), "    {}+\n    {}|\n    {}+\n    {}\n", edge_, label_,
                   edge_, below.substr(0, below.find_last_not_of(' ') + 1));
    edge_.clear();
    label_.clear();
    below_.clear();
  }

  std::string edge_, label_, below_, text_;
};

}  // namespace

void StepTeller::add(std::string step) { steps_ += (steps_.empty() ? "" : "; ") + step; }

void StepTeller::on_search(size_t bytes, uint64_t visited, const mm::Block* found) {
  add(fmt::format("looked at {} for {} bytes{}", plural(visited, "free block"), bytes,
                  found == nullptr ? ": none fits" : ""));
}

void StepTeller::on_split(const mm::Block& block, const mm::Block& rest) {
  add(fmt::format("cut into {} and {}", block.size, rest.size));
}

void StepTeller::on_merge(const mm::Block& block) {
  add(fmt::format("neighbours put together: {}", block.size));
}

void StepTeller::on_sweep(uint64_t visited, uint64_t merges) {
  add(fmt::format("swept {}: {}", plural(visited, "free block"), plural(merges, "merge")));
}

void StepTeller::on_break(const std::byte* from, const std::byte* to) {
  add(fmt::format("the break moved by {:+}", to - from));
}

std::string StepTeller::tell(const HeapCall& call, const HeapProgram& program,
                             const std::string& wrong, const std::string& reports, mm::Heap& heap,
                             const mm::Break& heap_break, const HeapPlayer& player) {
  const auto place = [&](const void* address) {
    return fmt::format("+{}", static_cast<const std::byte*>(address) - heap_break.start());
  };
  std::string text = fmt::format("{}: {}", call.line, to_string(call, program));
  if (!wrong.empty()) {
    text += "  -> " + wrong;
  } else if (call.returns_block() && player.pointer(call.to) != nullptr) {
    text += "  -> " + place(player.pointer(call.to));
  }
  text += "\n";
  if (!steps_.empty()) text += "    " + std::exchange(steps_, {}) + "\n";
  text += reports;
  if (heap.is_broken_off()) return text;  // nothing to draw

  Boxes boxes;
  std::string list;
  size_t listed = 0;
  size_t index = 0;
  const size_t blocks = heap.usage().blocks;
  for (const mm::Block* block = heap.first_block(); block != nullptr;
       block = heap.block_after(block), ++index) {
    if (block->free && ++listed <= kMostListed) {
      list += fmt::format("{}{} ({})", list.empty() ? "" : " -> ", place(block), block->size);
    }
    const bool is_left_out =
        blocks > kMostBoxes && index >= kMostBoxes / 2 && index < blocks - kMostBoxes / 2;
    if (is_left_out) {
      if (index == kMostBoxes / 2) {
        boxes.add(fmt::format("... {} more", blocks - kMostBoxes), "");
      }
      continue;
    }
    const std::string* name = player.name_at(block->data());
    boxes.add(fmt::format("{} {}",
                          block->free       ? "free"
                          : name == nullptr ? "used"
                                            : *name,
                          block->size),
              place(block));
  }
  text += boxes.finish(fmt::format("{} break", place(heap_break.end())));
  if (listed > kMostListed) {
    fmt::format_to(std::back_inserter(list), " -> ... {} more", listed - kMostListed);
  }
  return text + "    free list: " + (list.empty() ? "empty" : list) + "\n";
}

}  // namespace ring3::harness
