#pragma once

// What the harness may use of net.

#include "net/dev/link.h"
#include "net/stack.h"
