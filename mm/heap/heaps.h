#pragma once

// What other modules may use of the heap.

#include "mm/heap/demand_faults.h"
#include "mm/heap/heap.h"
#include "mm/heap/process_break.h"
#include "mm/heap/process_layout.h"
#include "mm/heap/window_break.h"
