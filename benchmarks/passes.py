"""Whole passes over the data: logistic regression by 20 iterations of L-BFGS, reading included and apart.

Limit: one JAX process with two threads that has all rows in memory.  yarnml reads while it computes, in its first
pass; its reading is told as what the first pass takes longer than the later ones, with the compiler in it.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from benchmarks import tables
from benchmarks.measure import Column, interleaved, own_cpu, own_memory, report
from benchmarks.peers.process import Answer, Peer, once, present
from benchmarks.tables import Table
from yarnml.events.events import EpochDone, Event, RoundStarted
from yarnml.job.load import load_job
from yarnml.runner import run

L2 = 1e-4
HISTORY = 10
"""Newest iterations that L-BFGS remembers, as yarnml's does."""

EVALUATIONS_PER_ITERATION = 2.0
"""Evaluations that an iteration may take on the average."""

LIMIT = "JAX, 1 process, 2 threads"

COLUMNS = [
    Column("whole s", lambda a: a["seconds"], compared=True),
    Column("reading s", lambda a: a["read"]),
    Column("fit s", lambda a: a["fit"], compared=True),
    Column("an evaluation ms", lambda a: 1e3 * a["evaluation"], compared=True),
    Column("evaluations", lambda a: a["evaluations"]),
    Column("iterations", lambda a: a["iterations"]),
    Column("mean loss", lambda a: a["loss"]),
]


def main(rounds: int = 5, rows: int = 2_000_000, width: int = 28, iterations: int = 20, *, yarn: bool = False) -> None:
    """Full passes: logistic regression by L-BFGS, beside JAX, torch, scikit-learn and Spark.

    ``--yarn``: from HDFS on a Hadoop of processes, beside Spark there.
    """
    table = Table(rows, width)
    train = str(tables.write(table))
    print(f"pass: {rows} synthetic rows of {width} features, {iterations} iterations of L-BFGS{', on YARN' * yarn}")
    (_on_yarn if yarn else _on_this_machine)(table, train, iterations, rounds)


def _on_this_machine(table: Table, train: str, iterations: int, rounds: int) -> None:
    size = [table.code, str(iterations)]
    peers = {
        LIMIT: Peer("logistic", ["jax", *size]),
        "JAX with gloo, 2 processes": Peer("logistic", ["jax-gloo", *size], 2),
        "torch DDP with gloo, 2 processes": Peer("logistic", ["torch", *size], 2, needs=["torch"]),
        "scikit-learn, 2 threads": Peer("logistic", ["sklearn", *size], needs=["sklearn"]),
        "Spark MLlib, local[2]": Peer("logistic", ["spark", *size], needs=["pyspark", "/java"]),
    }
    blocks: dict[str, Callable[[], Answer]] = {name: once(peer) for name, peer in present(peers).items()}
    blocks["yarnml, 2 workers"] = lambda: fit(table, train, iterations)
    report(interleaved(blocks, rounds), COLUMNS, LIMIT)


def fit(table: Table, train: str, iterations: int) -> Answer:
    """A job from its first pass to the one that ends the last iteration."""
    with tempfile.TemporaryDirectory() as folder:
        passes = 1 + int(EVALUATIONS_PER_ITERATION * iterations)
        return _up_to(Stopwatch(_job(table, train, folder, passes)), iterations)


def _job(table: Table, train: str, folder: str, passes: int) -> dict[str, Any]:
    learner = {"kind": "logistic", "solver": "lbfgs", "l2": L2, "tolerance": 1e-12}
    job = tables.job(table, train, folder, learner, {"epochs": passes})
    return job | {"data": job["data"] | {"label": "label", "classes": [0, 1]}}


def _on_yarn(table: Table, train: str, iterations: int, rounds: int) -> None:
    """Measure as many passes as a local job needs for the iterations: on YARN, the job is the same to the bit."""
    from benchmarks.passes_on_yarn import measure

    local = fit(table, train, iterations)
    passes = int(local["evaluations"])
    print(f"  {passes} passes for {int(local['iterations'])} iterations, to a mean loss of {local['loss']:.4f}")

    def job(train_on_hdfs: str, folder: str) -> dict[str, Any]:
        sized = {"count": 2, "memory": "3 GiB", "cache": "1 GiB"}
        return _job(table, train_on_hdfs, folder, passes) | {
            "workers": sized,
            "environment": {"python": sys.executable},
        }

    measure(table, job, iterations, rounds)


class Stopwatch:
    """Runs a job whose rounds are epochs: the seconds of each, those of CPU in all of its processes, and its loss.

    ``memory``: the most bytes that all of its processes had at the end of a round.
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        self.memory = 0.0
        self.seconds: list[float] = []
        self.cpu: list[float] = []
        self.losses: list[float] = []
        self._begun = 0.0
        self._cpu_begun = 0.0
        self.outcome = run(load_job(spec), say=self._note)

    @property
    def later(self) -> float:
        """Seconds of a round after the first."""
        return statistics.median(self.seconds[1:])

    @property
    def reading(self) -> float:
        """Seconds that the first round took longer than a later one."""
        return max(0.0, self.seconds[0] - self.later)

    def _note(self, event: Event) -> None:
        match event:
            case RoundStarted():
                self._begun = time.perf_counter()
                self._cpu_begun = own_cpu()
            case EpochDone(loss=loss):
                self.seconds.append(time.perf_counter() - self._begun)
                self.cpu.append(own_cpu() - self._cpu_begun)
                self.losses.append(loss)
                self.memory = max(self.memory, own_memory())


def _up_to(job: Stopwatch, iterations: int) -> Answer:
    """Take the figures up to the pass that ends the last of so many iterations.

    The first pass evaluates the start; from then on the loss that is told changes with every iteration.
    """
    done = [n for n in range(1, len(job.losses)) if job.losses[n] != job.losses[n - 1]][:iterations]
    passes = 1 + done[-1]
    whole = sum(job.seconds[:passes])
    return {
        "seconds": whole,
        "read": job.reading,
        "fit": whole - job.reading,
        "evaluations": passes,
        "evaluation": job.later,
        "iterations": len(done),
        "loss": job.losses[passes - 1],
    }
