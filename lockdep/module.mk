# The lock checker and the locks it watches.
lockdep_SOURCES := chain_cache.cc class_table.cc dependency_graph.cc held_locks.cc lock_map.cc \
	mutex.cc report.cc rwlock.cc validator.cc
lockdep_MAY_INCLUDE := lib/cpu lib
lockdep_UMBRELLA := lockdep/lockdep.h
