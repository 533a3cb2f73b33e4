"""``python -m benchmarks [step] [start] [hdfs] [submit]``: all, or the named ones."""

import sys

from benchmarks import hdfs, start, step, submit

BENCHMARKS = {"step": step.main, "start": start.main, "hdfs": hdfs.main, "submit": submit.main}

for name in sys.argv[1:] or BENCHMARKS:
    BENCHMARKS[name]()
