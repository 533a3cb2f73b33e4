"""A hand-written JAX loop as a child process: ``python -m benchmarks.loop WORKLOAD THREADS SHARE OF``.

Trains on every OF-th part of each batch, without talking to anybody.  Answers each line on its input with the seconds
that one block of steps took.
"""

import os
import sys


def main(name: str, threads: str, share: str, of: str) -> None:
    os.environ |= {"NPROC": threads, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
    import time

    import jax
    import optax

    from benchmarks import workloads
    from benchmarks.models import Net

    workload = next(w for w in (workloads.SMALL, workloads.LARGE) if w.name == name)
    x, y = workloads.arrays(workload)
    model, optimizer = Net(workload.widths), optax.sgd(workload.learning_rate, momentum=0.9)
    size = workload.batch // int(of)

    def step(parameters, state, x, y):  # type: ignore[no-untyped-def]
        gradient = jax.grad(lambda p: model.loss(p, x, y).mean())(parameters)
        change, state = optimizer.update(gradient, state, parameters)
        return optax.apply_updates(parameters, change), state

    step = jax.jit(step, donate_argnums=(0, 1))
    parameters = model.init(jax.random.key(0))
    state, at = optimizer.init(parameters), 0
    blocks = [max(4, workload.steps // 10)]
    while True:
        start = time.perf_counter()
        for _ in range(blocks[-1]):
            low = (at * workload.batch + int(share) * size) % workload.rows
            parameters, state = step(parameters, state, x[low : low + size], y[low : low + size])
            at += 1
        jax.block_until_ready(parameters)
        print(time.perf_counter() - start, flush=True)
        if not sys.stdin.readline():
            return
        blocks.append(workload.steps)


if __name__ == "__main__":
    main(*sys.argv[1:])
