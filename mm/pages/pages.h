#pragma once

// What other modules may use of the page allocator.

#include "lib/cpu/event_counts.h"
#include "mm/pages/fragmentation_index.h"
#include "mm/pages/frame_tables.h"
#include "mm/pages/gfp.h"
#include "mm/pages/kernel_rules.h"
#include "mm/pages/kernel_zone.h"
#include "mm/pages/memmap.h"
#include "mm/pages/page.h"
#include "mm/pages/page_alloc.h"
#include "mm/pages/page_events.h"
#include "mm/pages/page_owner.h"
#include "mm/pages/page_policy.h"
#include "mm/pages/page_units.h"
#include "mm/pages/pageblock.h"
#include "mm/pages/proc_text.h"
#include "mm/pages/reclaim.h"
#include "mm/pages/vm_settings.h"
#include "mm/pages/watermark.h"
#include "mm/pages/zone_facts.h"
