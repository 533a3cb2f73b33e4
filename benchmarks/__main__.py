"""``python -m benchmarks [step] [start] [hdfs]``: all, or the named ones."""

import sys

from benchmarks import hdfs, start, step

BENCHMARKS = {"step": step.main, "start": start.main, "hdfs": hdfs.main}

for name in sys.argv[1:] or BENCHMARKS:
    BENCHMARKS[name]()
