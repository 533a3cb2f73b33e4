"""``python -m benchmarks [step] [safety] [straggler] [start] [hdfs] [submit]``: all, or the named ones."""

import sys

from benchmarks import hdfs, safety, start, step, straggler, submit

BENCHMARKS = {
    "step": step.main,
    "safety": safety.main,
    "straggler": straggler.main,
    "start": start.main,
    "hdfs": hdfs.main,
    "submit": submit.main,
}

for name in sys.argv[1:] or BENCHMARKS:
    BENCHMARKS[name]()
