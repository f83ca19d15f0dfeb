#include "harness/report/yaml.h"

namespace ring3::harness {
namespace {

using Json = nlohmann::ordered_json;

void append_block(std::string& text, const Json& node, size_t indent);

bool is_inline(const Json& node) { return !node.is_structured() || node.empty(); }

// What follows "key:" or "-": a scalar on the same line, or a block below.
void append_value(std::string& text, const Json& value, size_t indent) {
  if (is_inline(value)) {
    text += ' ' + value.dump() + '\n';
  } else {
    text += '\n';
    append_block(text, value, indent);
  }
}

void append_block(std::string& text, const Json& node, size_t indent) {
  constexpr size_t kStep = 2;
  for (const auto& [key, value] : node.items()) {
    text.append(indent, ' ');
    text += node.is_array() ? "-" : key + ":";
    append_value(text, value, indent + kStep);
  }
}

}  // namespace

std::string to_yaml(const nlohmann::ordered_json& document) {
  std::string text = "---\n";
  append_block(text, document, 0);
  return text;
}

}  // namespace ring3::harness
