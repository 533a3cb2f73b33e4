"""The update of a network whose state is cut into parts (`training.state: sharded`), beside that of one in one piece.

CPU seconds and bytes of one worker, without what travels: each makes 1 / n of the update, lays its gradient into rows
and takes all parameters out of them.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.measure import align
from yarnml.job.learners.element_wise import ElementWise
from yarnml.learners.element_wise import COMPILER_OPTIONS
from yarnml.learners.gradient import GradientDescent, Sums
from yarnml.learners.optimizers import build_optimizer
from yarnml.sparse.run import Run
from yarnml.sparse.stored import KEYS
from yarnml.sparse.table import restored
from yarnml.worker.library_variables import library_variables
from yarnml.worker.parameter_rows import BLOCK, ParameterRows

ADAM = {"kind": "adam", "learning_rate": 1e-3}
WORKERS = (1, 2, 4, 8)


class Layers:
    """Four layers of 1,000 x 1,000 parameters, without a loss."""

    def init(self, key: Any) -> Any:
        return [{"weight": 0.01 * jax.random.normal(key, (1000, 1000)), "bias": jnp.zeros(1000)} for _ in range(4)]

    def loss(self, parameters: Any, x: Any, y: Any) -> Any:
        raise NotImplementedError

    def predict(self, parameters: Any, x: Any) -> Any:
        raise NotImplementedError


def main(rounds: int = 15) -> None:
    """Print the figures, of a process with a worker's memory and threads."""
    print("4,004,000 parameters, Adam: CPU of one worker's part in an update, and what it keeps of the state")
    command = [sys.executable, "-m", "benchmarks.parts", str(rounds)]
    subprocess.run(command, env=os.environ | library_variables(1), check=True)


def measured(rounds: int) -> None:
    """Measure in this process."""
    learner = GradientDescent(Layers(), build_optimizer(ADAM))
    state = jax.jit(learner.init)(jax.random.key(0))
    size = sum(leaf.nbytes for leaf in jax.tree.leaves(state))
    layout = ParameterRows(jax.eval_shape(learner.init, jax.random.key(0)), ElementWise(optimizer=ADAM))
    rows = layout.stored(state)
    rng = np.random.default_rng(0)
    gradient = jax.tree.map(lambda p: rng.standard_normal(p.shape).astype(np.float32), state.parameters)
    leaves = jax.tree.leaves(gradient)
    update = jax.jit(learner.update, donate_argnums=0, compiler_options=COMPILER_OPTIONS)
    states = [state]

    def in_one_piece() -> None:
        following, _ = update(states.pop(), Sums(gradient, np.float32(1), np.float32(3)))
        states.append(jax.block_until_ready(following))

    lines = [["", "update", "rows of gradient and parameters", "parameters, optimizer", "to take an update back"]]
    lines.append(["replicated", _ms(in_one_piece, rounds), "", f"{size / 2**20:.0f} MiB", ""])
    sums = layout.rows_of(leaves, last=3.0)
    moved = _ms(lambda: (layout.rows_of(leaves, last=3.0), jax.tree.map(jnp.asarray, layout.tree_of(rows))), rounds)
    for workers in WORKERS:
        own = slice(len(rows) // workers)
        part = restored([layout.block], {KEYS: layout.keys[own], BLOCK: rows[own]}, remembered=1)
        run = Run(layout.keys[own], sums[own])
        part.update(run)
        kept = sum(old.nbytes for old in part.undos.newest(1)[0].rows)
        spent = _ms(lambda part=part, run=run: part.update(run), rounds)
        mib = f"{part.nbytes / 2**20:.0f} MiB", f"{kept / 2**20:.0f} MiB"
        lines.append([f"sharded, {workers} workers", spent, moved, *mib])
    align(lines)


def _ms(block: Callable[[], object], rounds: int) -> str:
    """Milliseconds of CPU of this process."""
    spent = []
    for _ in range(rounds + 2):
        began = time.process_time()
        block()
        spent.append(1e3 * (time.process_time() - began))
    return f"{median(spent[2:]):.0f} ms"  # without those that compile


if __name__ == "__main__":
    measured(int(sys.argv[1]))
