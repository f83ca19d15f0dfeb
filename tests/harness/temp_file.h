#pragma once

// A file that lives as long as its object.

#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

namespace ring3::test {

class TempFile {
 public:
  explicit TempFile(std::string_view text = {}) {
    const int descriptor = mkstemp(path_.data());
    BOOST_REQUIRE(descriptor >= 0);
    close(descriptor);
    std::ofstream(path_, std::ios::binary) << text;
  }
  ~TempFile() { unlink(path_.c_str()); }
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/ring3-test-XXXXXX";
};

inline std::string contents_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

}  // namespace ring3::test
