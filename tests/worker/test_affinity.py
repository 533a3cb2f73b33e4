"""Which cores the workers of one machine run on."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.processes import running, wait_for
from yarnml.worker.affinity import available_cores, cores_of_worker

HELD = "import os, sys; os.sched_setaffinity(0, map(int, sys.argv[1].split(','))); os.execv(sys.argv[2], sys.argv[2:])"


@pytest.mark.parametrize(
    ("slot", "cores_each", "workers", "cores", "expected"),
    [
        (0, 1, 2, [0, 1], (0,)),
        (1, 1, 2, [0, 1], (1,)),
        (1, 2, 2, [9, 3, 7, 5], (7, 9)),  # of those that the job was given, in order
        (0, 2, 1, [0, 1], (0, 1)),
        (0, 1, 2, [0, 1, 2], ()),  # one to spare
        (0, 1, 3, [0, 1], ()),  # one is short
        (2, 1, 2, [0, 1], ()),  # one that was asked for later
        (0, 1, 2, [], ()),  # the system does not tell
    ],
)
def test_a_share(slot: int, cores_each: int, workers: int, cores: list[int], expected: tuple[int, ...]) -> None:
    """A worker gets the cores of its slot where there are exactly as many as all workers need, and none otherwise."""
    assert cores_of_worker(slot, cores_each, workers, cores) == expected


@pytest.mark.long
@pytest.mark.skipif(len(available_cores()) < 2, reason="needs two cores")
def test_workers_keep_to_their_cores(digits_job: dict[str, Any], write_job: Callable[[dict[str, Any]], Path]) -> None:
    """On two cores two workers compute on one each, and what serves the other one is on the other."""
    cores = sorted(available_cores())[:2]
    job = digits_job | {"training": {"epochs": 10_000, "batch_size": 60}, "workers": {"count": 2}}
    by = [sys.executable, "-c", HELD, ",".join(map(str, cores))]
    with running(write_job(job), by=by) as run:
        wait_for("the first epochs", lambda: "epoch 2" in run.printed())
        for index, worker in enumerate(run.children()):
            assert os.sched_getaffinity(worker.pid) == {cores[index]}
            threads = [os.sched_getaffinity(thread.id) for thread in worker.threads()]
            assert {cores[0]} in threads
            assert {cores[1]} in threads
