# Foundations: no policy, nothing of ours below.
lib_SOURCES := check.cc fault.cc limited_reports.cc os.cc percpu.cc report_sink.cc stack_trace.cc
lib_MAY_INCLUDE :=
