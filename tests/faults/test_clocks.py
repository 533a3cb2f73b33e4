"""A clock that jumps: nobody's patience depends on the time of day."""

import ast
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.faults.conftest import Undisturbed, Write, model_bits
from tests.faults.plan import plan
from tests.faults.runs import DEADLINE, watched

OF_DAY = {"time.time", "datetime.now", "datetime.utcnow", "datetime.today"}

ABOUT_DATES = {
    "clusters/yarn/capacity/availability.py",  # since when a ResourceManager is active
    "clusters/yarn/containers/time_limit.py",  # the end of delegation tokens
    "clusters/yarn/credentials.py",  # the dates of a certificate
    "control/credentials.py",  # whether a clock is outside of them
    "clusters/yarn/containers/import_check.py",  # a node's clock
    "clusters/yarn/edge/admission.py",  # the end of a ticket
    "clusters/yarn/edge/probe.py",  # compared with this machine's
    "clusters/yarn/edge/security.py",  # compared with those of a cluster's services
    "master/stream.py",  # when versions and looks of a stream are due, also after a new start
    "master/stream_run.py",
    "watch/history/recorder.py",  # when an event happened
    "watch/runs.py",  # how long ago that was
    "model/export.py",  # the date of a version
    "model/history.py",  # and of a change of an alias
    "watch/live.py",  # how long a run goes
    "storage/atomic.py",  # the age of files that somebody left behind
}


def _names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and dotted end of everything that a module looks up or imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            base = node.value
            yield (
                node.lineno,
                f"{base.attr if isinstance(base, ast.Attribute) else getattr(base, 'id', '')}.{node.attr}",
            )
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{name.name}") for name in node.names)


def test_no_line_asks_for_the_time_of_day() -> None:
    """Deadlines and durations come from the monotonic clock; the one that can jump is read where it is the subject."""
    asked = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in sorted((ROOT / "yarnml").rglob("*.py"))
        for line, name in _names(ast.parse(path.read_text()))
        if name in OF_DAY and str(path.relative_to(ROOT / "yarnml")) not in ABOUT_DATES
    ]
    assert not asked


JUMPING = """
import random, time
_real, _random = time.time, random.Random(0)
time.time = lambda: _real() + _random.uniform(-1e6, 1e6)
time.time_ns = lambda: int(time.time() * 1e9)
"""


@pytest.mark.long
@pytest.mark.timeout(2 * DEADLINE)
def test_a_clock_that_jumps_changes_nothing(
    write: Write,
    undisturbed: Callable[[str, int], Undisturbed],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a time of day that jumps by days at every look, in every process, nobody is lost and no bit changes."""
    (tmp_path / "sitecustomize.py").write_text(JUMPING)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]), prepend=os.pathsep)
    look = [sys.executable, "-c", "import time; print(len({time.time() // 1000 for _ in range(9)}))"]
    assert int(subprocess.run(look, capture_output=True, text=True, check=True).stdout) > 1
    job = plan(0)  # that of the first seed, whose undisturbed run is at hand
    with watched(write(tmp_path, kind=job.kind, delay=job.delay)) as run:
        assert run.end() == 0, run.output
        assert "lost:" not in run.output
    assert model_bits(tmp_path / "models/1") == undisturbed(job.kind, job.delay).model
