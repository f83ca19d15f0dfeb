#include "harness/report/output_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <iterator>

#include "tests/harness/temp_file.h"

namespace ring3::harness {
namespace {

namespace fs = std::filesystem;
using test::TempFile;

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A folder of our own, so that what else appears in it is seen.
struct Folder {
  Folder() { BOOST_REQUIRE(mkdtemp(path.data()) != nullptr); }
  ~Folder() { fs::remove_all(path); }
  size_t files() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(path), {}));
  }
  std::string path = "/tmp/ring3-folder-XXXXXX";
};

}  // namespace

BOOST_AUTO_TEST_SUITE(harness_report_output_file)

BOOST_AUTO_TEST_CASE(a_file_is_replaced_whole_and_nothing_is_left_beside_it) {
  Folder folder;
  const std::string path = folder.path + "/report.json";
  BOOST_TEST(write_output(path, "one").ok());
  BOOST_TEST(chmod(path.c_str(), 0640) == 0);
  BOOST_TEST(write_output(path, "two, longer").ok());
  BOOST_TEST(content_of(path) == "two, longer");
  BOOST_TEST(folder.files() == 1u);
  struct stat status {};
  stat(path.c_str(), &status);
  BOOST_TEST((status.st_mode & 0777) == 0640u);
}

// Somebody who has opened the old report reads it to its end.
BOOST_AUTO_TEST_CASE(the_old_file_is_not_written_into) {
  Folder folder;
  const std::string path = folder.path + "/report.json";
  BOOST_REQUIRE(write_output(path, "old").ok());
  std::ifstream reader(path);
  BOOST_REQUIRE(write_output(path, "new").ok());
  BOOST_TEST(std::string(std::istreambuf_iterator<char>(reader), {}) == "old");
}

BOOST_AUTO_TEST_CASE(a_link_stays_a_link) {
  Folder folder;
  const std::string target = folder.path + "/target";
  const std::string link = folder.path + "/link";
  fs::create_symlink(target, link);
  BOOST_TEST(write_output(link, "text").ok());
  BOOST_TEST(fs::is_symlink(link));
  BOOST_TEST(content_of(target) == "text");
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_no_resource_and_leaves_nothing) {
  const Status full = write_output("/dev/full", "text");
  BOOST_REQUIRE(!full.ok());
  BOOST_CHECK(full.error().code == Errc::kNoResource);
  BOOST_TEST(fs::is_character_file("/dev/full"));
}

BOOST_AUTO_TEST_CASE(what_can_be_written_is_known_before) {
  Folder folder;
  BOOST_TEST(check_writable("").ok());
  BOOST_TEST(check_writable("-").ok());
  BOOST_TEST(check_writable("/dev/full").ok());
  BOOST_TEST(check_writable(folder.path + "/new").ok());
  BOOST_TEST(folder.files() == 0u);
  for (const std::string& path : {folder.path, folder.path + "/no/where"}) {
    const Status status = check_writable(path);
    BOOST_REQUIRE(!status.ok());
    BOOST_CHECK(status.error().code == Errc::kIo);
    BOOST_TEST(status.error().message.find(path) != std::string::npos);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::harness
