#include "harness/report/deliver.h"

#include "harness/base/complain.h"
#include "harness/report/output_file.h"

namespace ring3::harness {

ExitCode deliver(std::initializer_list<Document> documents, std::string_view text,
                 ExitCode status) {
  bool machine_has_stdout = false;
  for (const Document& document : documents) {
    if (document.path.empty()) continue;
    machine_has_stdout |= document.path == "-";
    if (Status written = write_output(document.path, document.text); !written) {
      status = complain(written.error());
    }
  }
  if (Status written = write_for_people(machine_has_stdout, text); !written) {
    status = complain(written.error());
  }
  return status;
}

}  // namespace ring3::harness
