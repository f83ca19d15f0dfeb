#include "lib/cpu/schedule.h"

#if RING3_SIM
namespace ring3::schedule {
constinit thread_local Scheduler* scheduler = nullptr;
}
#endif
