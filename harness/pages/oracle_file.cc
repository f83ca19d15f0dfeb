#include "harness/pages/oracle_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>

#include "lib/lines.h"
#include "lib/numbers.h"

namespace ring3::harness {
namespace {

using mm::KernelZone;
using mm::Migratetype;
using mm::Order;
using mm::Pfn;

// More frames than any recording has, and few enough to hold.
constexpr uint64_t kMostFrames = uint64_t{1} << 24;

// The words of a line, from left to right.
class Words {
 public:
  Words(std::string_view line, size_t number) : rest_(line), number_(number) {}

  std::string_view next() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r"), rest_.size()));
    const std::string_view word = rest_.substr(0, rest_.find_first_of(" \t\r"));
    rest_.remove_prefix(word.size());
    return word;
  }
  // The next word as a number up to `most`; nothing, also at the end.
  std::optional<uint64_t> number(uint64_t most, int base = 10) { return parse(next(), most, base); }
  // The number behind `key`, wherever that stands from here on.
  Result<uint64_t> value_of(std::string_view key, uint64_t most, int base = 10) const {
    for (Words words = *this; !words.rest_.empty();) {
      if (words.next() != key) continue;
      if (const auto value = words.number(most, base)) return *value;
      break;
    }
    return wrong(fmt::format("'{}' and a number up to {} are missing", key, most));
  }
  Error wrong(std::string_view what) const {
    return Error{Errc::kBadFormat, fmt::format("line {}: {}", number_, what)};
  }

  static std::optional<uint64_t> parse(std::string_view word, uint64_t most, int base = 10) {
    const std::optional<uint64_t> value = whole_number(word, base);
    return value && *value <= most ? value : std::nullopt;
  }

 private:
  std::string_view rest_;
  size_t number_;
};

bool is_state_word(std::string_view word) {
  return word == "b" || word == "t" || word == "l" || word == "pcp" || word == "p" || word == "lru";
}

class Parser {
 public:
  Status take(std::string_view line, size_t number);
  Result<OracleCase> finish();

 private:
  Status take_head(std::string_view word, const Words& words);
  Status take_operation(std::string_view word, Words words, size_t number);

  OracleCase case_;
  std::array<uint32_t, 3> gfp_{};  // by type
  uint32_t gfp_high_ = 0;
  std::vector<OracleStep>* state_ = nullptr;  // what the lines of a state are added to
  bool has_zone_ = false;
  bool has_gfp_ = false;
  bool is_done_ = false;
};

// The numbers behind several keys of a line, and the first that is missing.
class Fields {
 public:
  explicit Fields(const Words& words) : words_(words) {}
  uint64_t get(std::string_view key, uint64_t most, int base = 10) {
    const Result<uint64_t> value = words_.value_of(key, most, base);
    if (value) return *value;
    if (status_) status_ = value.error();
    return 0;
  }
  mm::PageCount pages(std::string_view key) { return mm::PageCount(get(key, kMostFrames)); }
  const Status& status() const { return status_; }

 private:
  const Words& words_;
  Status status_;
};

Status Parser::take_head(std::string_view word, const Words& words) {
  KernelZone::Config& zone = case_.zone;
  Fields fields(words);
  if (word == "case") {
    case_.name = Words(words).next();
    zone.boost_factor = fields.get("boost_factor", 1'000'000);
    case_.lru = fields.get("lru", 1) != 0;
  } else if (word == "zone") {
    zone.start = Pfn(0) + fields.pages("start");
    zone.end = Pfn(0) + fields.pages("end");
    zone.managed = fields.pages("managed");
    if (fields.status() && zone.start >= zone.end) {
      return words.wrong("the zone ends before it starts");
    }
  } else if (word == "wmark") {
    zone.watermarks = {fields.pages("min"), fields.pages("low"), fields.pages("high")};
    zone.pageblock_order = Order(static_cast<unsigned>(fields.get("pageblock_order", Order::kMax)));
    has_zone_ = true;
  } else {
    constexpr std::array<std::string_view, 3> kTypes = {"U", "M", "R"};
    for (size_t type = 0; type < kTypes.size(); ++type) {
      gfp_[type] = static_cast<uint32_t>(fields.get(kTypes[type], UINT32_MAX, 16));
    }
    gfp_high_ = static_cast<uint32_t>(fields.get("hi", UINT32_MAX, 16));
    for (size_t type = 0; type < kTypes.size() && fields.status(); ++type) {
      const auto of_type = static_cast<Migratetype>(type);
      if (mm::migratetype_of(mm::Gfp(gfp_[type])) != of_type ||
          mm::migratetype_of(mm::Gfp(gfp_high_)) != Migratetype::kUnmovable) {
        return words.wrong("the flags are not of their type: U and hi of none, M 8, R 10");
      }
    }
    has_gfp_ = true;
  }
  return fields.status();
}

Status Parser::take_operation(std::string_view word, Words words, size_t number) {
  OracleStep step{.kind = OracleStep::Kind::kFree, .line = number};
  const std::string_view answer = words.next();
  if (const auto pfn = Words::parse(answer, kMostFrames)) {
    if (Pfn(*pfn) < case_.zone.start || Pfn(*pfn) >= case_.zone.end) {
      return words.wrong(fmt::format("frame {} is not in the zone", answer));
    }
    step.pfn = Pfn(*pfn);
  } else if (answer != "-" || word == "f") {
    return words.wrong(fmt::format("'{}' is no frame", answer));
  }
  if (word != "f") {
    const auto type = Words::parse(word.substr(1, 1), 2);
    const auto order = Words::parse(word.substr(std::min<size_t>(2, word.size())), Order::kMax);
    if (!type || !order) {
      return words.wrong(
          fmt::format("'{}' is no request: use a or h, a type 0 to 2, an order", word));
    }
    constexpr uint32_t kTypeBits = 3u << mm::kMigratetypeShift;
    const uint32_t of_type = gfp_[*type];
    step.kind = OracleStep::Kind::kAlloc;
    step.gfp = mm::Gfp(word[0] == 'a' ? of_type : gfp_high_ | (of_type & kTypeBits));
    step.order = Order(static_cast<unsigned>(*order));
  }
  case_.steps.push_back(step);
  ++case_.operations;
  return {};
}

Status Parser::take(std::string_view line, size_t number) {
  Words words(line, number);
  const std::string_view word = words.next();
  if (number == 1) {
    if (word == "ring3-oracle" && words.number(1)) return {};
    return words.wrong("this is no recorded run: it begins with 'ring3-oracle 1'");
  }
  if (word.empty()) return {};
  if (is_done_) return words.wrong("there is more behind 'done'");
  if (word == "case" || word == "zone" || word == "wmark" || word == "gfp") {
    return take_head(word, words);
  }
  if (!has_zone_ || !has_gfp_) return words.wrong("a line of case, zone, wmark or gfp is missing");
  if (word == "state") {
    state_ = words.next() == "initial" ? &case_.initial : &case_.final;
  } else if (word == "end") {
    state_ = &case_.steps;
  } else if (word == "done") {
    is_done_ = true;
  } else if (state_ == nullptr) {
    return words.wrong("'state initial' is missing");
  } else if (is_state_word(word)) {
    state_->push_back({.kind = OracleStep::Kind::kState, .line = number, .text = line});
  } else if (state_ == &case_.steps && (word[0] == 'a' || word[0] == 'h' || word == "f")) {
    return take_operation(word, words, number);
  } else {
    return words.wrong(fmt::format("'{}' is nothing that a recorded run holds", word));
  }
  return {};
}

Result<OracleCase> Parser::finish() {
  if (!is_done_) return Error{Errc::kBadFormat, "the file is cut off: 'done' is missing"};
  return std::move(case_);
}

// ---- The state. ----

class Loader {
 public:
  Loader(const KernelZone::Config& config, KernelZone& zone)
      : start_(config.start), end_(config.end), taken_(end_.value()), zone_(zone) {}

  Status load(const OracleStep& step) {
    Words words(step.text, step.line);
    const std::string_view word = words.next();
    if (word == "b") return load_counts(words);
    if (word == "t") return load_types(words);
    if (word == "l") return load_list(words);
    if (word == "pcp") return load_pcp(words);
    if (word == "p") return load_pcp_list(words);
    return load_lru(words);
  }

 private:
  Status load_counts(const Words& words) {
    const auto boost = words.value_of("boost", kMostFrames);
    const auto highatomic = words.value_of("ha", kMostFrames);
    if (!boost) return boost.error();
    if (!highatomic) return highatomic.error();
    zone_.buddy().restore_boost(*boost);
    zone_.set_highatomic_pages(*highatomic);
    return {};
  }

  Status load_types(Words words) {
    const std::string_view digits = words.next();
    const uint64_t pages = zone_.buddy().pageblock_order().pages().value();
    if (digits.size() != zone_.buddy().pageblocks()) {
      return words.wrong(
          fmt::format("{} types for {} pageblocks", digits.size(), zone_.buddy().pageblocks()));
    }
    for (size_t i = 0; i < digits.size(); ++i) {
      const auto type = Words::parse(digits.substr(i, 1), mm::kMigratetypes - 1);
      if (!type) return words.wrong(fmt::format("'{}' is no type", digits.substr(i, 1)));
      zone_.buddy().set_type(Pfn(i * pages), static_cast<Migratetype>(*type));
    }
    return {};
  }

  // Blocks lie in the zone, and no frame in two.
  bool is_new_block(std::optional<uint64_t> pfn, Order order) {
    if (!pfn || !mm::is_block_aligned(Pfn(*pfn), order)) return false;
    if (Pfn(*pfn) < start_ || Pfn(*pfn) + order.pages() > end_) return false;
    const auto first = taken_.begin() + static_cast<ptrdiff_t>(*pfn);
    const auto end = first + static_cast<ptrdiff_t>(order.pages().value());
    if (std::find(first, end, true) != end) return false;
    std::fill(first, end, true);
    return true;
  }

  Status load_list(Words words) {
    const auto order = words.number(Order::kMax);
    const auto type = words.number(mm::kMigratetypes - 1);
    if (!order || !type) return words.wrong("a list has an order up to 10 and a type up to 3");
    for (std::string_view word = words.next(); !word.empty(); word = words.next()) {
      const auto pfn = Words::parse(word, kMostFrames);
      const Order of_block(static_cast<unsigned>(*order));
      if (!is_new_block(pfn, of_block)) {
        return words.wrong(fmt::format("'{}' is no free block of order {} here", word, *order));
      }
      zone_.buddy().restore(Pfn(*pfn), of_block, static_cast<Migratetype>(*type));
    }
    return {};
  }

  Status load_pcp(const Words& words) {
    const auto factor = words.value_of("free_factor", mm::rules::kBatchScaleMax);
    if (!factor) return factor.error();
    zone_.pcp().restore(
        {.high = zone_.pcp().sizes().high.min, .free_factor = static_cast<unsigned>(*factor)});
    return {};
  }

  Status load_pcp_list(Words words) {
    const auto index = words.number(zone_.pcp().lists() - 1);
    if (!index) return words.wrong(fmt::format("there are {} lists", zone_.pcp().lists()));
    for (std::string_view word = words.next(); !word.empty(); word = words.next()) {
      const size_t colon = std::min(word.find(':'), word.size());
      const auto pfn = Words::parse(word.substr(0, colon), kMostFrames);
      const auto type =
          Words::parse(word.substr(std::min(colon + 1, word.size())), mm::kMigratetypes - 1);
      if (!is_new_block(pfn, zone_.pcp().order_of(*index)) || !type) {
        return words.wrong(fmt::format("'{}' is no block and type of a CPU's list", word));
      }
      zone_.pcp().restore(*index, {Pfn(*pfn), static_cast<Migratetype>(*type)});
    }
    return {};
  }

  Status load_lru(Words words) {
    for (std::string_view word = words.next(); !word.empty(); word = words.next()) {
      const auto pfn = Words::parse(word, kMostFrames);
      if (!is_new_block(pfn, Order(0))) {
        return words.wrong(fmt::format("'{}' is no page in use", word));
      }
      zone_.set_lru(Pfn(*pfn), Order(0), true);
    }
    return {};
  }

  const Pfn start_;
  const Pfn end_;
  std::vector<bool> taken_;  // of each frame
  KernelZone& zone_;
};

}  // namespace

Result<OracleCase> parse_oracle(std::string_view text) {
  Parser parser;
  size_t number = 0;
  while (!text.empty()) {
    if (Status taken = parser.take(take_line(text), ++number); !taken) return taken.error();
  }
  Result<OracleCase> parsed = parser.finish();
  if (!parsed) return parsed;
  // What a CPU may keep is told with its lists.
  for (const OracleStep& step : parsed->initial) {
    Words words(step.text, step.line);
    if (words.next() != "pcp") continue;
    const auto high = words.value_of("high", kMostFrames);
    const auto batch = words.value_of("batch", kMostFrames);
    if (!high) return high.error();
    if (!batch) return batch.error();
    parsed->zone.pcp = {{*high, *high}, *batch};
    return parsed;
  }
  return Error{Errc::kBadFormat, "the initial state has no line 'pcp'"};
}

Status load_zone_state(const std::vector<OracleStep>& lines, const KernelZone::Config& config,
                       KernelZone& zone) {
  Loader loader(config, zone);
  for (const OracleStep& line : lines) {
    if (Status loaded = loader.load(line); !loaded) return loaded;
  }
  return {};
}

std::string blocks_line(const KernelZone& zone) {
  return fmt::format("b {} boost {} free {} ha {}", fmt::join(zone.buddy().free_blocks(), " "),
                     zone.buddy().boost(), zone.buddy().free_pages().value(),
                     zone.highatomic_pages());
}

std::string types_line(const KernelZone& zone) {
  std::string line = "t ";
  const mm::Buddy& buddy = zone.buddy();
  for (size_t i = 0; i < buddy.pageblocks(); ++i) {
    const Pfn pfn(i * buddy.pageblock_order().pages().value());
    line += static_cast<char>('0' + static_cast<unsigned>(buddy.type_of(pfn)));
  }
  return line;
}

std::vector<std::string> zone_state_lines(const mm::Memmap& memmap, const KernelZone& zone,
                                          Pfn start, Pfn end) {
  std::vector<std::string> lines = {blocks_line(zone), types_line(zone)};
  for (unsigned order = 0; order < mm::kOrders; ++order) {
    for (size_t type = 0; type < mm::kMigratetypes; ++type) {
      const auto& list = zone.buddy().list(Order(order), static_cast<Migratetype>(type));
      if (list.empty()) continue;
      std::string line = fmt::format("l {} {}", order, type);
      for (const mm::Page& page : list) {
        fmt::format_to(std::back_inserter(line), " {}", memmap.pfn_of(page).value());
      }
      lines.push_back(std::move(line));
    }
  }
  const mm::KernelPcp& pcp = zone.pcp();
  lines.push_back(fmt::format("pcp count {} high {} batch {} free_factor {}", pcp.count(),
                              pcp.tuning().high, pcp.sizes().batch, pcp.tuning().free_factor));
  for (size_t index = 0; index < pcp.lists(); ++index) {
    if (pcp.list(index).empty()) continue;
    std::string line = fmt::format("p {}", index);
    for (const mm::KernelPcp::Entry& entry : pcp.list(index)) {
      fmt::format_to(std::back_inserter(line), " {}:{}", entry.pfn.value(),
                     static_cast<unsigned>(entry.type));
    }
    lines.push_back(std::move(line));
  }
  std::string lru = "lru";
  for (Pfn pfn = start; pfn < end; pfn = pfn + mm::PageCount(1)) {
    if (memmap.page(pfn).lru.load(std::memory_order_relaxed) != 0) {
      fmt::format_to(std::back_inserter(lru), " {}", pfn.value());
    }
  }
  lines.push_back(std::move(lru));
  return lines;
}

}  // namespace ring3::harness
