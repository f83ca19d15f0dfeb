#pragma once

// Everything other modules use of lockdep: locks, guards, classes and the checker.

#include "lockdep/guard.h"
#include "lockdep/limits.h"
#include "lockdep/lock_class.h"
#include "lockdep/mutex.h"
#include "lockdep/rwlock.h"
#include "lockdep/spinlock.h"
#include "lockdep/validator.h"
