#include "harness/report/yaml.h"

#include <boost/test/unit_test.hpp>

namespace ring3::harness {

BOOST_AUTO_TEST_SUITE(harness_report_yaml)

BOOST_AUTO_TEST_CASE(nested_documents_become_blocks) {
  const auto document = nlohmann::ordered_json::parse(
      R"({"a": 1, "b": {"c": "x: y", "d": null}, "e": [{"f": true}, 2], "g": [], "h": {}})");
  BOOST_TEST(to_yaml(document) ==
             "---\n"
             "a: 1\n"
             "b:\n"
             "  c: \"x: y\"\n"
             "  d: null\n"
             "e:\n"
             "  -\n"
             "    f: true\n"
             "  - 2\n"
             "g: []\n"
             "h: {}\n");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::harness
