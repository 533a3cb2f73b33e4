"""A worker's answers to the master's commands, in the right order and in a wrong one."""

from pathlib import Path
from typing import Any

import jax
import pytest

from yarnml.control.commands import (
    Assignment,
    AwaitSave,
    Build,
    Check,
    Command,
    Evaluate,
    Export,
    FitScaling,
    Idle,
    Initialize,
    ReportPosition,
    Restore,
    Save,
    Survey,
    SyncState,
    Train,
    WarmUp,
    ipc,
)
from yarnml.control.reports import Built, Done, Evaluated, Report, Saved, StatePosition, Trained
from yarnml.data.plan import Plan, make_plan
from yarnml.errors import WorkerLost, YarnmlError
from yarnml.job.load import load_job
from yarnml.job.spec import Job
from yarnml.reduce.memory import MemoryAllReduce
from yarnml.worker.mapper import Mapper
from yarnml.worker.progress import ProgressTracker
from yarnml.worker.replica import NO_STATE

SHARDS = 2


class Worker:
    """A mapper that is the only worker of a job on the digits."""

    def __init__(self, fields: dict[str, Any]) -> None:
        fields["data"] |= {"classes": list(range(10))}
        self.job: Job = load_job(fields)
        self.plan: Plan = make_plan(self.job)
        self.mapper = Mapper(0, MemoryAllReduce(), ProgressTracker(), lambda generation, step, copy: None)
        self._generation = 0

    @property
    def initialize(self) -> Initialize:
        stored = {name: ipc(schema) for name, schema in self.plan.stored.items()}
        return Initialize(self.job, self.plan.datasets, stored, SHARDS)

    def run(self, command: Command, shards: int = SHARDS) -> Report:
        self._generation += 1
        return self.mapper.execute(Assignment(self._generation, command, {0: list(range(shards))}, []))

    def position(self) -> Report:
        return self.run(ReportPosition(self.initialize.folder))


@pytest.fixture
def worker(digits_job: dict[str, Any]) -> Worker:
    return Worker(digits_job)


def test_the_commands_of_a_training(worker: Worker, tmp_path: Path) -> None:
    """In the order of a job, every command has its report."""
    schema = worker.plan.schema
    assert worker.run(worker.initialize) == Done()
    assert worker.position() == NO_STATE
    assert worker.run(FitScaling(schema)) == Done()
    built = worker.run(Build(schema))
    assert isinstance(built, Built)
    assert worker.run(Check("test")) == Done()
    assert worker.position() == StatePosition(0, 0.0, 0.0)
    trained = worker.run(Train(0, 3))
    assert isinstance(trained, Trained)
    assert worker.position() == StatePosition(3, trained.loss, trained.weight)
    assert isinstance(worker.run(Evaluate("test")), Evaluated)
    folder = str(tmp_path / "state")
    assert isinstance(worker.run(Save(folder)), Saved)
    later = worker.run(Train(3, 5, trained.loss, trained.weight))
    assert isinstance(later, Trained)
    assert later.weight > trained.weight
    assert later.digest != trained.digest


@pytest.mark.parametrize(
    "command",
    [Check("test"), Train(0, 1), Evaluate("test"), Restore(0, "folder"), Save("folder"), Export("folder", {})],
    ids=lambda command: type(command).__name__,
)
def test_a_state_that_is_not_built_is_an_error(worker: Worker, command: Command) -> None:
    """A command that needs the state, sent before Build, is refused in words; so is any before Initialize."""
    with pytest.raises(YarnmlError, match="Worker 0 knows of no training yet: Initialize must come first"):
        worker.run(command)
    worker.run(worker.initialize)
    with pytest.raises(YarnmlError, match=r"has no learner yet: Build must come first"):
        worker.run(command)


def test_data_that_is_not_known_is_an_error(worker: Worker) -> None:
    """Commands that read rows are refused before Initialize; those that need nothing are carried out."""
    schema = worker.plan.schema
    for command in (Survey(schema), FitScaling(schema), Build(schema)):
        with pytest.raises(YarnmlError, match="Initialize must come first"):
            worker.run(command)
    for command in (Idle(), AwaitSave()):
        assert worker.run(command) == Done()
    assert worker.position() == NO_STATE


def test_a_worker_without_shards_gives_up_its_state(worker: Worker) -> None:
    """It takes no part in the updates, so it must not be asked for the state again."""
    assert worker.run(Train(0, 1), shards=0) == Done()
    worker.run(worker.initialize)
    worker.run(Build(worker.plan.schema))
    assert worker.position() == StatePosition(0, 0.0, 0.0)
    assert worker.run(Train(0, 1), shards=0) == Done()
    assert worker.position() == NO_STATE


def test_a_state_that_never_arrives_is_no_state(worker: Worker) -> None:
    """A worker that loses the source of a state says so, and not that it still has the one before."""
    worker.run(worker.initialize)
    worker.run(Build(worker.plan.schema))
    worker.run(Train(0, 2))
    with pytest.raises(WorkerLost):
        worker.run(SyncState(worker.initialize, worker.plan.schema, 3, 0.0, 0.0, 1, "address"))
    assert worker.position() == NO_STATE


@pytest.mark.parametrize("scale", ["standard", "none"])
def test_a_newcomer_compiles_its_steps_before_it_takes_part(digits_job: dict[str, Any], scale: str) -> None:
    """After WarmUp, with a scaling or without, the first steps compile nothing new."""
    digits_job["data"]["scale"] = scale
    worker = Worker(digits_job)
    schema = worker.plan.schema
    worker.run(WarmUp(worker.initialize, schema))
    assert worker.position() == NO_STATE
    if scale == "standard":
        worker.run(FitScaling(schema))
    worker.run(Build(schema))
    compilations: list[str] = []

    def listen(event: str, seconds: float, **facts: Any) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            compilations.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        worker.run(Train(0, 2))
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert not compilations
