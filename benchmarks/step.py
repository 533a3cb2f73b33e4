"""The synchronous step: yarnml with two workers of one thread beside hand-written loops.

Limit: two JAX processes on half a batch each that never exchange anything.
"""

import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks import workloads
from benchmarks.measure import interleaved, table
from benchmarks.peers.process import Peer, Running, present
from benchmarks.workloads import Workload, job
from yarnml.clusters.local import open_crew
from yarnml.control.commands import Build, Initialize, Train, ipc
from yarnml.control.reports import Built, Trained
from yarnml.data.plan import make_plan
from yarnml.job.load import load_job
from yarnml.job.spec import Job
from yarnml.master.master import Master
from yarnml.worker.library_variables import library_variables

LIMIT = "limit: 2 processes, no exchange"

OWN = {
    "reducing in the workers": (),
    "one reducer apart": ("reducers.count=1",),
    "gradients in bfloat16": ("training.gradients=bfloat16",),
}
"""What our own rows set in the job file."""


class Engine:
    """A crew of real workers; each call trains one block of steps.

    ``warm``: steps that are trained at once, with the compiler in them.  ``epoch``: the steps of one.
    """

    def __init__(self, crew: Master, spec: Job, steps: int, warm: int | None = None) -> None:
        plan = make_plan(spec)
        self._crew = crew
        self.shards = spec.shards
        self._steps = steps
        self._at = 0
        stored = {name: ipc(schema) for name, schema in plan.stored.items()}
        crew.run(Initialize(spec, plan.datasets, stored, spec.shards), spec.shards)
        built = crew.run(Build(plan.schema), spec.shards)
        self.epoch = next(report.steps for report in built.values() if isinstance(report, Built))
        self.train(max(4, steps // 10) if warm is None else warm)

    def __call__(self) -> float:
        return self.train(self._steps)

    def train(self, steps: int) -> float:
        """Seconds of the next steps."""
        start = time.perf_counter()
        first, self._at = self._at, self._at + steps
        reports = self._crew.run(Train(first, self._at), self.shards)
        self.reports = [report for report in reports.values() if isinstance(report, Trained)]
        return time.perf_counter() - start


def peers_of(workload: Workload) -> dict[str, Peer]:
    words = [workload.name, str(workload.steps)]
    return {
        LIMIT: Peer("step", [*words, "alone"], 2),
        "the same with our huge pages": Peer("step", [*words, "alone"], 2, variables=library_variables(1)),
        "2 processes that wait for each other": Peer("step", [*words, "wait"], 2),
        "JAX, 1 process, 2 threads": Peer("step", [*words, "alone"]),
        "JAX with gloo, 2 processes": Peer("step", [*words, "gloo"], 2),
        "torch DDP with gloo, 2 processes": Peer("step_torch", [*words, "ddp"], 2, needs=["torch"]),
        "a bare all-reduce by JAX": Peer("step", [*words, "reduce"], 2),
        "a bare all-reduce by torch": Peer("step_torch", [*words, "reduce"], 2, needs=["torch"]),
    }


def _seconds(running: Running) -> float:
    return running()["seconds"]


def measure(workload: Workload, rounds: int) -> None:
    megabytes = 4e-6 * workload.parameters
    print(f"{workload.name}: {'-'.join(map(str, workload.widths))}, batch {workload.batch}")
    print(f"  gradients of {megabytes:.3g} MB, in bfloat16 {megabytes / 2:.3g} MB")
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        blocks: dict[str, Callable[[], float]] = {}
        for name, peer in present(peers_of(workload)).items():
            running = Running(peer)
            stack.callback(running.close)
            blocks[name] = partial(_seconds, running)
        engines: dict[str, Engine] = {}
        for name, fields in OWN.items():
            place = Path(folder) / name
            spec = load_job(job(workload, place), fields)
            crew = stack.enter_context(open_crew(spec, str(place), lambda event: None))
            engines[name] = Engine(crew, spec, workload.steps)
            blocks[f"yarnml, {name}"] = engines[name]
        table(interleaved(blocks, rounds), workload.steps, LIMIT)
        for name, engine in engines.items():
            phases = engine.reports[0].seconds.items()
            print(f"  a step's phases, {name}:", ", ".join(f"{n} {1e3 * s / workload.steps:.2f} ms" for n, s in phases))


def main(rounds: int = 5, small: int = workloads.SMALL.steps, large: int = workloads.LARGE.steps) -> None:
    """Synchronous steps of a small and a large network, so many a block, beside JAX and torch."""
    for workload, steps in ((workloads.SMALL, small), (workloads.LARGE, large)):
        if steps:
            measure(workload._replace(steps=steps), rounds)
