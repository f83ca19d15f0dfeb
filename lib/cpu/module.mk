# What runs, and where: tasks, CPUs, and what is kept for each.
lib/cpu_SOURCES := fault.cc limited_reports.cc percpu.cc task.cc topology.cc
lib/cpu_MAY_INCLUDE := lib
