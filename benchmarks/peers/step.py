"""Steps of hand-written JAX loops: ``WORKLOAD STEPS WAY``, where a way is

``alone``: every process trains on its part of each batch, without talking to the others;
``wait``: as ``alone``, but that no process begins a step before all have ended the last one;
``gloo``: with jax.distributed, the gradients flattened and averaged by one all-reduce inside the compiled step;
``reduce``: an all-reduce of as many numbers, and nothing else.
"""

import sys
import time
from collections.abc import Callable
from itertools import chain, count, repeat
from typing import Any

import jax
import numpy as np
import optax
from jax.flatten_util import ravel_pytree
from jax.sharding import PartitionSpec as P

from benchmarks import workloads
from benchmarks.models import Net
from benchmarks.peers.barrier import barrier
from benchmarks.peers.process import Answer, place, serve
from benchmarks.peers.together import jax_mesh, on_mesh
from benchmarks.workloads import Workload

IN_FLIGHT = 4  # steps between two waits for the device


def main(name: str, steps: str, way: str) -> None:
    workload = workloads.named(name)._replace(steps=int(steps))
    step = {"alone": alone, "wait": wait, "gloo": gloo, "reduce": reduce}[way](workload)
    serve_steps(workload, step)


def serve_steps(workload: Workload, step: Callable[[int], Any]) -> None:
    """Blocks of steps, the first a short one, which has the compiler in it; a step returns what to wait for."""
    lengths = chain([max(4, workload.steps // 10)], repeat(workload.steps))
    numbers = count()

    def block() -> Answer:
        start = time.perf_counter()
        last = None
        for _ in range(next(lengths)):
            last = step(next(numbers))
        jax.block_until_ready(last)
        return {"seconds": time.perf_counter() - start}

    serve(block)


def own_rows(workload: Workload) -> Callable[[int], tuple[Any, Any]]:
    """This process's part of the batch of a step."""
    rank, world = place()
    x, y = workloads.arrays(workload)
    size = workload.batch // world

    def rows(step: int) -> tuple[Any, Any]:
        low = (step * workload.batch + rank * size) % workload.rows
        return x[low : low + size], y[low : low + size]

    return rows


def alone(workload: Workload) -> Callable[[int], Any]:
    rows = own_rows(workload)
    model = Net(workload.widths)
    optimizer = optax.sgd(workload.learning_rate, momentum=0.9)

    def update(parameters: Any, state: Any, x: Any, y: Any) -> Any:
        gradient = jax.grad(lambda p: model.loss(p, x, y).mean())(parameters)
        change, state = optimizer.update(gradient, state, parameters)
        return optax.apply_updates(parameters, change), state

    compiled = jax.jit(update, donate_argnums=(0, 1))
    parameters = model.init(jax.random.key(0))
    state = optimizer.init(parameters)

    def step(number: int) -> Any:
        nonlocal parameters, state
        parameters, state = compiled(parameters, state, *rows(number))
        return parameters

    return step


def wait(workload: Workload) -> Callable[[int], Any]:
    train = alone(workload)
    meet = barrier()

    def step(number: int) -> Any:
        parameters = jax.block_until_ready(train(number))
        meet()
        return parameters

    return step


def gloo(workload: Workload) -> Callable[[int], Any]:
    mesh = jax_mesh()
    rows = own_rows(workload)
    model = Net(workload.widths)
    optimizer = optax.sgd(workload.learning_rate, momentum=0.9)

    def averaged(parameters: Any, x: Any, y: Any) -> Any:
        flat, unravel = ravel_pytree(jax.grad(lambda p: model.loss(p, x, y).mean())(parameters))
        return unravel(jax.lax.pmean(flat, "workers"))

    where = P(), P("workers"), P("workers")
    gradient = jax.shard_map(averaged, mesh=mesh, in_specs=where, out_specs=P(), check_vma=False)

    def update(parameters: Any, state: Any, x: Any, y: Any) -> Any:
        change, state = optimizer.update(gradient(parameters, x, y), state, parameters)
        return optax.apply_updates(parameters, change), state

    compiled = jax.jit(update, donate_argnums=(0, 1))
    first = model.init(jax.random.key(0))
    parameters, state = jax.tree.map(lambda a: on_mesh(mesh, a), (first, optimizer.init(first)))

    def step(number: int) -> Any:
        nonlocal parameters, state
        parameters, state = compiled(parameters, state, *(on_mesh(mesh, a, "workers") for a in rows(number)))
        if number % IN_FLIGHT == 0:
            jax.block_until_ready(parameters)
        return parameters

    return step


def reduce(workload: Workload) -> Callable[[int], Any]:
    mesh = jax_mesh()
    length = workload.parameters
    mean = jax.shard_map(lambda a: jax.lax.pmean(a, "workers"), mesh=mesh, in_specs=P("workers"), out_specs=P())
    compiled = jax.jit(mean)
    own = on_mesh(mesh, np.ones((1, length), np.float32), "workers")
    return lambda number: compiled(own).block_until_ready()


if __name__ == "__main__":
    main(*sys.argv[1:])
