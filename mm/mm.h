#pragma once

// What net and the harness may use of mm.

#include "mm/memory.h"
#include "mm/pages/pages.h"
#include "mm/slab/slab.h"
