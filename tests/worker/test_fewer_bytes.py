"""Delay, local steps and rounded gradients, two and more at a time: the same bits with any workers, whoever is lost."""

import threading
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.processes import wait_for
from tests.reduce.allreduces import SHARDS, connected
from tests.tiers import cases
from yarnml.control.commands import Assignment, Build, Command, FitScaling, Initialize, SyncState, Train, ipc
from yarnml.control.reports import Report, StatePosition, Trained
from yarnml.data.plan import make_plan
from yarnml.job.load import load_job
from yarnml.master.placement import assign
from yarnml.master.state_sync import newest, residual_holders
from yarnml.reduce.allreduce import NetworkAllReduce
from yarnml.reduce.memory import MemoryAllReduce
from yarnml.reduce.reducer import StepAborted
from yarnml.worker.compiled_learners import CompiledLearners
from yarnml.worker.mapper import Mapper
from yarnml.worker.progress import ProgressTracker

NESTEROV = {"kind": "sgd", "learning_rate": 0.9, "momentum": 0.5, "nesterov": True}
COMBINATIONS: dict[str, dict[str, Any]] = {
    "delay, bfloat16": {"delay": 1, "gradients": "bfloat16"},
    "delay, int8": {"delay": 2, "gradients": "int8"},
    "local steps, int4": {"local_steps": 2, "gradients": "int4"},
    "top_k": {"gradients": "top_k", "top_k": {"share": 0.05, "warmup_steps": 4}},
    "delay, top_k": {"delay": 2, "gradients": "top_k", "micro_batch_size": 5},
    "delay, table": {"delay": 2},
    "all": {"local_steps": 2, "outer": NESTEROV, "delay": 1, "gradients": "int8", "micro_batch_size": 5},
}
STEPS = 9  # of an epoch
LOST = 4  # steps that a worker has done when it is lost


class Killed(Exception):
    """The end of a worker, in the middle of a step."""


class Team:
    """Workers in threads of this process, and the commands of a master."""

    def __init__(self, fields: dict[str, Any], learners: CompiledLearners, allreduces: Sequence[Any]) -> None:
        self.job = load_job(fields)
        plan = make_plan(self.job)
        stored = {name: ipc(schema) for name, schema in plan.stored.items()}
        self.schema = plan.schema
        self.initialize = Initialize(self.job, plan.datasets, stored, SHARDS)
        self.generation = 0
        self.doomed: int | None = None
        self._allreduces = allreduces
        self.trackers = [ProgressTracker(self._kill(worker)) for worker in range(len(allreduces))]
        self._mappers = [
            Mapper(n, allreduce, self.trackers[n], lambda *_: None, learners) for n, allreduce in enumerate(allreduces)
        ]

    def _kill(self, worker: int) -> Callable[[int, float, int], None]:
        def on_step(step: int, loss: float, rows: int) -> None:
            if worker == self.doomed and step == LOST:
                raise Killed

        return on_step

    def address(self, worker: int) -> str:
        allreduce = self._allreduces[worker]
        return next(iter(allreduce._local)) if isinstance(allreduce, NetworkAllReduce) else ""

    def run(
        self,
        command: Command,
        members: Sequence[int],
        levels: int = 1,
        silent: Collection[int] = (),
        without_shards: Collection[int] = (),
    ) -> dict[int, Report]:
        """The reports of those that carry a command out to its end; where one is killed the others give it up.

        ``silent``: members that do nothing.  ``without_shards``: others that carry it out, too.
        """
        self.generation += 1
        addresses = {n: self.address(n) for n in members if self.address(n)}
        order = Assignment(
            self.generation, command, assign(SHARDS, members), list(addresses.values()), addresses, levels
        )
        reports: dict[int, Report] = {}

        def work(worker: int) -> None:
            try:
                reports[worker] = self._mappers[worker].execute(order)
            except Killed:
                for other in members:
                    self._allreduces[other].abort_before(self.generation + 1)
            except StepAborted:
                pass

        present = [*(member for member in members if member not in silent), *without_shards]
        threads = [threading.Thread(target=work, args=(member,)) for member in present]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return reports

    def begin(self, members: Sequence[int]) -> None:
        for command in (self.initialize, FitScaling(self.schema), Build(self.schema)):
            self.run(command, members)

    def regroup(self, before: Sequence[int], after: Sequence[int]) -> StatePosition:
        """Give the state of the furthest of those ``before`` to all ``after``."""
        reports = {n: self._mappers[n]._position(self.initialize.folder) for n in before}
        source, at = newest(reports, 0, STEPS) or pytest.fail("nobody has a state")
        holders = residual_holders(reports, at.step)
        addresses = {shard: self.address(holder) for shard, holder in holders.items()}
        position = at.step, at.loss, at.weight
        command = SyncState(self.initialize, self.schema, *position, source, self.address(source), residuals=addresses)
        self.run(command, after, without_shards=set(before) - set(after))
        return at


def keyed(write_table: Callable[..., Path]) -> dict[str, Any]:
    """Rows of a key and a number that hangs on it, as many as there are digits."""
    keys = np.random.default_rng(0).zipf(1.5, 150 * STEPS) % 500
    path = write_table("keys.parquet", key=keys, y=np.sin(keys).astype(np.float32))
    return {"train": str(path), "features": ["key"], "label": "y", "prepare": [{"kind": "key", "columns": ["key"]}]}


def digests(reports: dict[int, Report]) -> set[str]:
    return {report.digest for report in reports.values() if isinstance(report, Trained)}


@pytest.mark.parametrize("name", cases(COMBINATIONS, ["local steps, int4", "delay, top_k", "delay, table", "all"]))
def test_any_workers(name: str, digits_job: dict[str, Any], write_table: Callable[..., Path]) -> None:
    """One to five workers, one and two levels, one lost with sums on their way: the state is that of one worker."""
    training = COMBINATIONS[name]
    size = 160 // training.get("local_steps", 1)
    fields = digits_job | {"training": {"epochs": 2, "batch_size": size, **training}}
    fields["data"] |= {"classes": list(range(10))}
    if "table" in name:
        fields |= {"data": keyed(write_table), "learner": {"kind": "sparse_linear"}}
    learners = CompiledLearners()
    alone = Team(fields, learners, [MemoryAllReduce()])
    alone.begin([0])
    first = alone.run(Train(0, STEPS - 2), [0])
    expected = digests(alone.run(Train(STEPS - 2, STEPS), [0]))
    assert expected != digests(first)
    with connected(5, 0) as (allreduces, *_):
        team = Team(fields, learners, allreduces)
        team.begin([0, 1, 2])
        team.doomed = 1
        assert not team.run(Train(0, STEPS), [0, 1, 2])
        # The residuals of a worker that is lost are lost, too; so with those it has only lost its shards.
        at = team.regroup([0, 1, 2] if team.initialize.job.training.top_k else [0, 2], [0, 2])
        assert LOST - 1 <= at.step <= LOST + 1 + training.get("delay", 0)  # it has given its part of the next step
        team.doomed = None
        assert digests(team.run(Train(at.step, STEPS - 2), [0, 2])) == digests(first)
        team.regroup([0, 2], range(5))
        assert digests(team.run(Train(STEPS - 2, STEPS), range(5), levels=2)) == expected


@pytest.mark.parametrize("delay", [0, 2])
def test_a_worker_is_ahead_by_the_delay(delay: int, digits_job: dict[str, Any]) -> None:
    """While another gives nothing, a worker maps the steps of the delay, and waits for the first total then."""
    fields = digits_job | {"training": {"epochs": 1, "batch_size": 160, "delay": delay}}
    fields["data"] |= {"classes": list(range(10))}
    with connected(2, 0) as (allreduces, *_):
        team = Team(fields, CompiledLearners(), allreduces)
        team.begin([0, 1])
        waiting = threading.Thread(target=team.run, args=(Train(0, STEPS), [0, 1]), kwargs={"silent": {1}})
        waiting.start()
        wait_for("the step that waits", lambda: team.trackers[0].progress.at == delay)
        wait_for("the sums that are started", lambda: len(allreduces[0]._sums) == delay + 1)
        allreduces[0].abort_before(team.generation + 1)
        waiting.join()
        assert team.trackers[0].progress.at == delay
