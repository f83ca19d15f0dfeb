#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace ring3::harness {

// The same document as YAML 1.2 in block style. Scalars are JSON's, which YAML reads as they are.
std::string to_yaml(const nlohmann::ordered_json& document);

}  // namespace ring3::harness
