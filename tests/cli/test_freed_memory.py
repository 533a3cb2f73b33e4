"""Memory that is freed after a step serves the next one."""

import platform
import subprocess
import sys

import pytest

STEPS = """
import resource
import numpy as np
from yarnml.cli.freed_memory import keep_freed_memory
keep_freed_memory()
for step in range(20):
    arrays = [np.ones(1 << 18) for _ in range(6)]  # 2 MiB each
    del arrays
    if step == 0:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_pages_are_asked_for_once() -> None:
    """19 steps of 3,072 pages each have next to no faults."""
    run = subprocess.run([sys.executable, "-c", STEPS], check=True, capture_output=True, text=True, timeout=120)
    assert int(run.stdout) < 3072
