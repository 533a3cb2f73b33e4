"""Patience that is short ends nobody who is well."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.runs import DEADLINE, watched


@pytest.mark.long
@pytest.mark.timeout(DEADLINE)
def test_a_reducer_that_has_nothing_to_do_stays(write: Callable[[Path], Path], tmp_path: Path) -> None:
    """With workers.timeout shorter than the master holds a call, reducers that wait for the first command stay."""
    options = {"reducers.count": 1, "workers.timeout": 4, "workers.max_failures": 0}
    with watched(write(tmp_path), *(f"--set={name}={value}" for name, value in options.items())) as run:
        run.wait_for_step(1)
        assert run.step, run.output
