"""Memory and traffic stay bounded: by the model and the cache limit, not by steps, data or workers."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.processes import running, saved_steps, wait_for
from yarnml.clusters.local import open_crew
from yarnml.control.commands import Build, Evaluate, Initialize, Train, ipc
from yarnml.control.reports import Built
from yarnml.data.plan import make_plan
from yarnml.events.events import Event
from yarnml.job.load import load_job

pytestmark = pytest.mark.long

Job = dict[str, Any]

MIB = 2**20


class Traffic(NamedTuple):
    """Bytes that the master answers per call of a worker, for rounds of some steps, and the model's parameters."""

    parameters: int
    per_call: list[float]


def traffic(job: Job, *rounds: int, say: Callable[[Event], None] = lambda event: None) -> Traffic:
    """The traffic of a job's rounds of so many steps, each with an evaluation behind it."""
    spec = load_job(job)
    plan = make_plan(spec)
    with open_crew(spec, str(Path(job["checkpoint"]["path"]) / "logs"), say) as crew:
        crew.run(Initialize(spec, plan.datasets, {n: ipc(s) for n, s in plan.stored.items()}, 2), 2)
        built, *_ = crew.run(Build(plan.schema), 2).values()
        assert isinstance(built, Built)
        per_call = []
        first = 0
        for steps in rounds:
            calls, total = crew.traffic
            crew.run(Train(first, first + steps), 2)
            crew.run(Evaluate("test"), 2)
            after, total_after = crew.traffic
            per_call.append((total_after - total) / (after - calls))
            first += steps
    return Traffic(built.parameters, per_call)


def test_the_master_never_sees_a_tensor(digits_job: Job) -> None:
    """A hundred times the parameters, or ten times the steps of a round, cost the master no more bytes per call."""
    digits_job["data"] |= {"scale": "none", "classes": list(range(10))}
    digits_job["workers"] = {"count": 2}
    small = traffic(digits_job | {"learner": {"kind": "mlp", "hidden": [4]}}, 5, 50)
    large = traffic(digits_job | {"learner": {"kind": "mlp", "hidden": [256, 256]}}, 5)
    assert large.parameters > 100 * small.parameters
    assert max(small.per_call + large.per_call) < 1000
    assert large.parameters * 4 > 100 * large.per_call[0]


def resident(processes: list[psutil.Process]) -> int:
    return max(p.memory_info().rss for p in processes)


def test_memory_does_not_grow_with_steps(digits_job: Job, write_job: Any) -> None:
    """Hundreds of steps later, a worker and a reducer hold what they held after the first hundreds."""
    digits_job["training"] = {"epochs": 100_000, "batch_size": 16}
    digits_job["learner"] |= {"hidden": [512, 512], "optimizer": {"kind": "sgd", "learning_rate": 0.01}}
    digits_job["checkpoint"]["every"] = "100 steps"
    folder = Path(digits_job["checkpoint"]["path"])
    with running(write_job(digits_job), "--set", "reducers.count=1") as run:
        wait_for("the first steps", lambda: saved_steps(folder) and saved_steps(folder)[-1] >= 200)
        early = {role: resident(run.children(role)) for role in ("worker", "reducer")}
        wait_for("many more steps", lambda: saved_steps(folder)[-1] >= 600)
        late = {role: resident(run.children(role)) for role in early}
    vector = 4 * (64 * 512 + 512 * 512 + 512 * 10)
    for role in early:
        per_step = (late[role] - early[role]) / 400
        assert per_step < vector / 60, f"a {role} grows by {per_step:.0f} bytes a step, where one vector has {vector}"


def peak(job: Path) -> int:
    """Most bytes that the job's only worker had in memory at a time."""
    highest = 0
    with running(job) as run:
        while not run.ended:
            for child in run.children():
                with contextlib.suppress(psutil.Error):
                    highest = max(highest, resident([child]))
            time.sleep(0.02)
        status, _, err = run.end()
    assert status == 0, err
    return highest


def test_memory_does_not_grow_with_the_data(digits_job: Job, write_job: Any, tmp_path: Path) -> None:
    """A worker with a cache of 8 MiB needs no more memory for 144 MiB of rows than for 12 MiB."""
    width = 768
    rows = 4000
    block = np.random.default_rng(0).normal(size=(rows, width)).astype(np.float32)
    table = pa.table({"x": pa.FixedSizeListArray.from_arrays(pa.array(block.ravel()), width), "y": block[:, 0]})
    for number in range(12):
        (tmp_path / "wide").mkdir(exist_ok=True)
        pq.write_table(table, tmp_path / "wide" / f"part-{number}.parquet", row_group_size=2000)
    digits_job["learner"] = {"kind": "linear"}
    digits_job["training"] = {"epochs": 1, "batch_size": 1000, "shuffle_rows": 2000}
    digits_job["workers"] = {"count": 1, "cache": "8 MiB"}
    peaks = []
    for name, files in [("small", "wide/part-0.parquet"), ("large", "wide")]:
        digits_job["data"] = {"train": str(tmp_path / files), "features": ["x"], "label": "y"}
        digits_job |= {"checkpoint": {"path": str(tmp_path / name)}, "export": None}
        peaks.append(peak(write_job(digits_job)))
    assert peaks[0] > 50 * MIB
    assert peaks[1] - peaks[0] < 60 * MIB, f"{peaks[0] / MIB:.0f} MiB, then {peaks[1] / MIB:.0f} MiB"
