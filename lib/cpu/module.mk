# What runs, and where: tasks, CPUs, and what is kept for each.
lib/cpu_SOURCES := fault.cc futex.cc limited_reports.cc percpu.cc percpu_counters.cc percpu_stack.cc stack_depot.cc \
	schedule.cc task.cc topology.cc
lib/cpu_MAY_INCLUDE := lib
