"""Whatever happens to the processes of a job, and whenever: it ends, with the same bits, and leaves nothing."""

import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.faults.acts import ACTS, Missed
from tests.faults.conftest import Undisturbed, Write, model_bits
from tests.faults.figures import Suffered, cost
from tests.faults.plan import EPOCHS, KINDS, LAST_FIRST_STEP, STEPS, Fault, plan
from tests.faults.runs import DEADLINE, Run, watched
from tests.processes import wait_for

pytestmark = pytest.mark.long


@pytest.mark.timeout(2 * DEADLINE)
def test_same_bits_whatever_happens(
    seed: int,
    write: Write,
    undisturbed: Callable[[str, int], Undisturbed],
    suffered: list[Suffered],
    pytestconfig: pytest.Config,
    tmp_path: Path,
) -> None:
    """Faults that a seed decides cost time; the model has the bits of an undisturbed run, and nothing is left."""
    what = plan(seed, pytestconfig.getoption("--kind"))
    print(f"pytest tests/faults/test_runs.py --runs 1 --first {seed} --kind '{what.kind}'", *what.faults, sep="\n")
    print(f"reducers: {what.reducers}, delay: {what.delay}")
    expected = undisturbed(what.kind, what.delay)
    job = write(tmp_path, kind=what.kind, delay=what.delay)
    with watched(job, "--set", f"reducers.count={what.reducers}") as run:
        hits = [(fault.act, at) for fault in what.faults if (at := _hit(run, fault))]
        status = run.end()
        print(run.output)
        assert status == 0
    assert hits, f"none of these found a process to hit: {', '.join(map(str, what.faults))}"
    models = list(tmp_path.glob("models/*"))
    assert models
    assert all(model_bits(model) == expected.model for model in models)
    assert len(models) == 1 or "kill master" in (act for act, _ in hits)
    assert not list(tmp_path.rglob(".tmp-*")), "half-written"
    times = [*(at for _, at in hits), time.monotonic()]
    costs = [cost(act, run.finished_steps, at, times[n + 1], STEPS // EPOCHS) for n, (act, at) in enumerate(hits)]
    suffered.append(Suffered(tuple(costs), run.seconds / expected.seconds))


def _hit(run: Run, fault: Fault) -> float | None:
    """Do it when its time has come and there is somebody to hit; at which time, or None where the job ended first."""
    run.wait_for_step(fault.step)
    time.sleep(fault.delay)
    times: list[float] = []

    def attempt() -> None:
        began = time.monotonic()
        with suppress(Missed, psutil.NoSuchProcess):
            ACTS[fault.act](run, fault.aim)
            times.append(began)

    run.wait(f"a process for {fault}", lambda: run.ended or attempt() or times)
    return times[0] if times else None


def test_a_seed_is_a_plan() -> None:
    """A seed gives the same faults each time, another seed others.

    Every kind of fault comes first in some plan, and early enough for a job that is quick.  Jobs of all kinds have
    every delay.
    """
    assert plan(3) == plan(3) != plan(4)
    assert max(plan(seed).faults[0].step for seed in range(200)) <= LAST_FIRST_STEP
    assert {plan(seed).faults[0].act for seed in range(len(ACTS))} == set(ACTS)
    kinds = {(plan(seed).kind, plan(seed).delay) for seed in range(200)}
    assert kinds == {(kind, delay) for kind in KINDS for delay in (0, 1, 2)}


@pytest.mark.timeout(DEADLINE)
def test_a_model_is_published_once(write: Write, tmp_path: Path) -> None:
    """SIGKILL of the command as soon as the model is there: the same command again finds it, and writes no other."""
    with watched(write(tmp_path), "--set", "training.epochs=2") as run:
        wait_for("the model", lambda: (tmp_path / "models" / "1").exists())
        run.crash()
        run.wait_for_nobody()
        run.start()
        assert run.end() == 0
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["1"]


@pytest.mark.timeout(DEADLINE)
def test_a_stopped_worker_does_not_outlive_its_master(write: Write, tmp_path: Path) -> None:
    """SIGKILL of the command ends a worker that was stopped before, too."""
    with watched(write(tmp_path)) as run:
        run.wait_for_step(1)
        run.processes("worker")[0].send_signal(signal.SIGSTOP)
        run.crash()
        run.wait_for_nobody(seconds=5.0)
