"""``python -m benchmarks [step] [start]``: all, or the named ones."""

import sys

from benchmarks import start, step

BENCHMARKS = {"step": step.main, "start": start.main}

for name in sys.argv[1:] or BENCHMARKS:
    BENCHMARKS[name]()
