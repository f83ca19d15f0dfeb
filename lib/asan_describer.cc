#include "lib/asan_describer.h"

#ifdef RING3_ASAN

#include <cstdio>
#include <mutex>
#include <vector>

namespace ring3 {

// Never destroyed: a report may be the last thing a process does.
struct AsanDescribers {
  static AsanDescribers& all() {
    static AsanDescribers& describers = *new AsanDescribers;
    return describers;
  }
  AsanDescribers() { __asan_set_error_report_callback(describe); }

  // Without the lock when somebody has it: that may be who did wrong.
  static void describe(const char* /*report*/) {
    const void* address = __asan_get_report_address();
    AsanDescribers& describers = all();
    const bool locked = describers.mutex.try_lock();
    for (const AsanDescriber* describer : describers.list) {
      const std::string text = describer->describe_(address);
      std::fputs(text.c_str(), stderr);
    }
    if (locked) describers.mutex.unlock();
  }

  std::mutex mutex;
  std::vector<const AsanDescriber*> list;
};

AsanDescriber::AsanDescriber(Describe describe) : describe_(std::move(describe)) {
  AsanDescribers& describers = AsanDescribers::all();
  const std::lock_guard guard(describers.mutex);
  describers.list.push_back(this);
}

AsanDescriber::~AsanDescriber() {
  AsanDescribers& describers = AsanDescribers::all();
  const std::lock_guard guard(describers.mutex);
  std::erase(describers.list, this);
}

}  // namespace ring3

#endif
