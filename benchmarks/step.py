"""The synchronous step: yarnml with two workers of one thread beside hand-written JAX loops.

Limit: two processes of one thread on half a batch each that never exchange anything.
"""

import tempfile
import time
from pathlib import Path

from benchmarks import workloads
from benchmarks.measure import Loop, interleaved, table
from benchmarks.workloads import Workload, job
from yarnml.clusters.local import open_crew
from yarnml.environment import resources
from yarnml.job import Job
from yarnml.master import Master
from yarnml.meetings import Begin, Build, Train, ipc
from yarnml.plan import make_plan
from yarnml.spec import load_job

LIMIT = "limit: 2 processes, no exchange"


class Engine:
    """A crew of real workers; each call trains one block of steps."""

    def __init__(self, crew: Master, spec: Job, steps: int) -> None:
        plan = make_plan(spec)
        self._crew, self._steps, self._at = crew, steps, max(4, steps // 10)
        stored = {name: ipc(schema) for name, schema in plan.stored.items()}
        crew.meet(Begin(spec, plan.datasets, stored, spec.shards), spec.shards)
        crew.meet(Build(plan.schema), spec.shards)
        crew.meet(Train(0, self._at), spec.shards)

    def __call__(self) -> float:
        start = time.perf_counter()
        first, self._at = self._at, self._at + self._steps
        self.reports = list(self._crew.meet(Train(first, self._at), 2).values())
        return time.perf_counter() - start


def measure(workload: Workload, rounds: int) -> None:
    print(f"{workload.name}: {'-'.join(map(str, workload.widths))}, batch {workload.batch}")
    with tempfile.TemporaryDirectory() as folder:
        inside = load_job(job(workload, Path(folder)))
        apart = load_job(job(workload, Path(folder), reducers={"count": 1}))
        with (
            open_crew(inside, folder, lambda event: None) as crew,
            open_crew(apart, folder + "/apart", lambda event: None) as crew_apart,
        ):
            engine = Engine(crew, inside, workload.steps)
            loops = {
                LIMIT: Loop(workload.name, 1, 2),
                "the same with our huge pages": Loop(workload.name, 1, 2, resources(1)),
                "1 process, 2 threads": Loop(workload.name, 2, 1),
            }
            peers = {
                **loops,
                "yarnml, reducing in the workers": engine,
                "yarnml, one reducer apart": Engine(crew_apart, apart, workload.steps),
            }
            table(interleaved(peers, rounds), workload.steps, LIMIT)
            phases = engine.reports[0].seconds
            print("  a step's phases:", ", ".join(f"{n} {1e3 * s / workload.steps:.2f} ms" for n, s in phases.items()))
            for loop in loops.values():
                loop.close()


def main(rounds: int = 7) -> None:
    for workload in (workloads.SMALL, workloads.LARGE):
        measure(workload, rounds)
