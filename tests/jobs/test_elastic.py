"""Other numbers of workers while a job runs: nobody starts again, and the state has the same bits."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import yarnml
from tests.processes import paced_learner, saved_steps, wait_for
from yarnml.clusters import local
from yarnml.control.calls import Resize
from yarnml.events.events import Continued, Event, RoundStarted, Tick
from yarnml.job.load import load_job
from yarnml.master.crew import Cluster
from yarnml.master.master import Master
from yarnml.runner import train

pytestmark = pytest.mark.long

Job = dict[str, Any]

STEPS = 4  # of an epoch
PATIENCE = 120.0


class Enough(Exception):
    """The test has seen what it wanted."""


class Run:
    """An endless job of local processes in the background, with its master at hand."""

    def __init__(self, job: Job) -> None:
        self.events: list[Event] = []
        self.master: Master | None = None
        self._folder = Path(job["checkpoint"]["path"])
        self._enough = False
        self._error = ""
        self._thread = threading.Thread(target=self._train, args=(job,), daemon=True)
        self._thread.start()
        self.wait("the first step", lambda: self._ticks)

    def _train(self, job: Job) -> None:
        @contextmanager
        def opener(*args: Any) -> Iterator[Master]:
            with local.open_crew(*args) as self.master:
                yield self.master

        try:
            train(load_job(job), Cluster("local", opener), say=self._hear)
        except Enough:
            pass
        except BaseException as exc:
            self._error = repr(exc)

    def _hear(self, event: Event) -> None:
        self.events.append(event)
        if self._enough:
            raise Enough

    @property
    def _ticks(self) -> list[Tick]:
        return [e for e in self.events if isinstance(e, Tick)]

    def wait(self, what: str, condition: Any) -> None:
        wait_for(what, lambda: self._error or condition(), PATIENCE)
        assert not self._error, self._error

    def scale(self, workers: int | None, reducers: int | None = None) -> None:
        """Ask for a size, and wait until it is reached and a step was computed with it."""
        assert self.master
        answer = self.master.resize(Resize(workers, reducers))
        assert not answer.refused, answer.text
        for role, count in (("worker", workers), ("reducer", reducers)):
            if count is not None:
                self.wait(f"{count} {role}s", lambda r=role, c=count: f"{c} {r}s wanted, {c} here" in self.size(c, r))
        if workers:
            self.wait(f"a step of {workers}", lambda: self._ticks[-1].workers == workers)
        reached = self._ticks[-1].step
        self.wait("some rounds", lambda: self._ticks[-1].step > reached + 10 * STEPS)

    def size(self, count: int, role: str) -> str:
        """The master's words on its processes; of a role that they leave out, there are as many as are wanted."""
        assert self.master
        text = self.master.resize(Resize()).text
        return text if role in text else f"{text}, {count} {role}s wanted, {count} here"

    def stop(self) -> int:
        """End it after one more checkpoint; the step of its newest one."""
        before = saved_steps(self._folder)
        self.wait("a checkpoint", lambda: saved_steps(self._folder)[-1:] > before[-1:])
        self._enough = True
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        return saved_steps(self._folder)[-1]

    def state(self, step: int) -> bytes:
        return state_of(self._folder, step)


def state_of(folder: Path, step: int) -> bytes:
    return next(folder.glob(f"checkpoints/step-*{step}")).joinpath("state.safetensors").read_bytes()


def alone(job: Job, step: int) -> bytes:
    """The state after as many steps of one process."""
    folder = Path(job["checkpoint"]["path"] + "-alone")
    every = {"path": str(folder), "every": f"{step} steps"}
    yarnml.run(job | {"training": job["training"] | {"epochs": step // STEPS}, "checkpoint": every}, "inline")
    return state_of(folder, step)


@pytest.fixture
def job(digits_job: Job, tmp_path: Path) -> Job:
    """An endless job whose workers spare the processor while others start."""
    (tmp_path / "walks.py").write_text(paced_learner(0.01, "YARNML_ROLE", tmp_path / "run"))
    digits_job["learner"] |= {"path": str(tmp_path / "walks.py")}
    for field in ("kind", "hidden"):
        del digits_job["learner"][field]
    digits_job["training"] = {"epochs": 1_000_000, "batch_size": 360, "shards": 5}
    digits_job["checkpoint"] |= {"every": "20 epochs"}
    digits_job["workers"] = {"count": 1}
    return digits_job


@pytest.mark.breadth
def test_other_sizes(job: Job) -> None:
    """1 → 3 → 2 → 3 workers during training: no step is trained twice, and the state is that of one process.

    Reducers of their own come to two workers and go again; the workers reduce without them.
    """
    run = Run(job)
    run.scale(3)
    run.scale(2)
    run.scale(None, 1)
    run.scale(None, 0)
    run.scale(3)
    assert run.master
    refused = run.master.resize(Resize(6))
    step = run.stop()
    assert refused.refused
    assert "5 shards" in refused.text
    assert not [e for e in run.events if isinstance(e, Continued)]
    rounds = [e.first for e in run.events if isinstance(e, RoundStarted)]
    assert rounds == sorted(set(rounds))
    assert run.state(step) == alone(job, step)
