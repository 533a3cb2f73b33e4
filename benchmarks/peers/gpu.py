"""A hand-written loop of a job's own model: ``JOB.json STEPS``; its rows lie on the device before the clock starts."""

import json
import sys
import time
from itertools import count
from pathlib import Path
from typing import Any

import jax

from benchmarks.peers.process import Answer, serve
from yarnml.control.commands import Initialize, ipc
from yarnml.data.plan import make_plan
from yarnml.job.load import load_job
from yarnml.learners.base import Batch
from yarnml.learners.registry import build_learner
from yarnml.worker.loaders import Loaders, RowCaches


def main(path: str, steps: str) -> None:
    job = load_job(json.loads(Path(path).read_text()))
    plan = make_plan(job)
    stored = {name: ipc(schema) for name, schema in plan.stored.items()}
    loaders = Loaders(Initialize(job, plan.datasets, stored, 1), RowCaches())
    learner: Any = build_learner(job.learner, plan.schema)
    shape = plan.schema.shape or (plan.schema.width,)
    batches = []
    for number in range(loaders.steps(plan.schema)):
        rows: Any = loaders.batch(plan.schema, number, 0)
        x, y, weight = rows.arrays
        batches.append(jax.device_put(Batch(x.reshape(len(x), *shape), y, weight)))

    @jax.jit
    def step(state: Any, batch: Batch) -> Any:
        return learner.update(state, learner.map(state, batch))

    state = jax.jit(learner.init)(jax.random.key(0))
    numbers = count()

    def block() -> Answer:
        nonlocal state
        start = time.perf_counter()
        for _ in range(int(steps)):
            state, _ = step(state, batches[next(numbers) % len(batches)])
        jax.block_until_ready(state)
        return {"seconds": time.perf_counter() - start}

    serve(block)


if __name__ == "__main__":
    main(*sys.argv[1:])
