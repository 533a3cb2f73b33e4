"""Copies between host and device in a trace of JAX's profiler."""

import gzip
import json
from collections import Counter
from pathlib import Path

from yarnml.worker.profiling import MAX_TRACED_STEPS

COPIES = ("MemcpyH2D", "MemcpyD2H", "MemcpyD2D")
"""The names of copies in a trace of a GPU: to the device, from it, and on it."""


def copies_per_step(trace: Path, steps: int) -> dict[str, float]:
    """Copies of each direction for every step that was traced, of a training of ``steps`` steps."""
    events = json.loads(gzip.decompress(trace.read_bytes()))["traceEvents"]
    counts = Counter(kind for event in events for kind in COPIES if event.get("name", "").startswith(kind))
    traced = min(steps, MAX_TRACED_STEPS)
    return {kind: round(counts[kind] / traced, 2) for kind in COPIES}
