#include "harness/report/deliver.h"

#include "harness/base/complain.h"
#include "harness/report/output_file.h"

namespace ring3::harness {

ExitCode deliver(const std::string& path, std::string_view document, std::string_view text,
                 ExitCode status) {
  if (!path.empty()) {
    if (Status written = write_output(path, document); !written) {
      status = complain(written.error());
    }
  }
  if (Status written = write_for_people(path == "-", text); !written) {
    status = complain(written.error());
  }
  return status;
}

}  // namespace ring3::harness
