"""Models of keys by others, row by row or by whole passes, and DLRM's network without a table: ``WAY ROWS PASSES``.

The answer: seconds of one pass over rows that are in memory, or in a cache of the program's own, and of all passes; the
area under the ROC curve and the mean loss on the test file; and the most memory of a process.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks import clicks
from benchmarks.boosting import auc
from benchmarks.clicks import Clicks, Values
from benchmarks.peers.process import Answer, serve

BITS = 22
ALPHA = 0.1
BETA = 1.0
RANK = 8

WIDTH = 16
HIDDEN = 64
DLRM_BATCH = 1024

ITERATIONS = 20
"""Of L-BFGS: after 10 to 20 the loss on other rows is that of FTRL after three epochs."""

PENALTY = 1e-5
"""For L-BFGS, which fits single rows without it."""

Score = Callable[[Any], Any]
"""Makes the scores [rows] of keys [rows, columns]."""


def by_loop(table: Clicks, passes: int) -> Answer:
    """FTRL-proximal in a loop that numba compiles, over keys in memory; one thread."""
    from benchmarks.peers import sparse_loops

    z, n = np.zeros((2, 1 << BITS), np.float32)

    def score(keys: Any) -> Any:
        weights = -z / ((np.float32(BETA) + np.sqrt(n)) / np.float32(ALPHA))
        return weights[keys].sum(axis=1)

    return _timed(sparse_loops.ftrl, [z, n], score, table, passes)


def by_adagrad(table: Clicks, passes: int) -> Answer:
    """Do as `by_loop`, by Adagrad."""
    from benchmarks.peers import sparse_loops

    weights, n = np.zeros((2, 1 << BITS), np.float32)
    return _timed(sparse_loops.adagrad, [weights, n], lambda keys: weights[keys].sum(axis=1), table, passes)


def by_factors(table: Clicks, passes: int) -> Answer:
    """Do as `by_loop`, a factorisation machine."""
    from benchmarks.peers import sparse_loops

    z, n = np.zeros((2, 1 << BITS), np.float32)
    v = np.random.default_rng(1).uniform(-0.01, 0.01, (1 << BITS, RANK)).astype(np.float32)
    squares = np.zeros_like(v)

    def score(keys: Any) -> Any:
        weights = -z / ((np.float32(BETA) + np.sqrt(n)) / np.float32(ALPHA))
        total = sum(v[column] for column in keys.T)
        pairs = (total**2 - sum(v[column] ** 2 for column in keys.T)).sum(axis=1) / 2
        return weights[keys].sum(axis=1) + pairs

    return _timed(sparse_loops.factors, [z, n, v, squares], score, table, passes)


def _timed(train: Any, arrays: list[Any], score: Score, table: Clicks, passes: int) -> Answer:
    """Run a loop over all rows, again and again."""
    keys, y = _keys(table.folder / "train")
    train(keys[:0], y[:0], *arrays)
    begun = _now()
    for _ in range(passes):
        train(keys, y, *arrays)
    spent = _since(begun, passes)
    keys, y = _keys(table.folder / "test")
    return spent | _quality(y, score(keys))


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _since(begun: tuple[float, float], passes: int) -> Answer:
    """Seconds of one of so many passes, and those of CPU."""
    seconds, cpu = (now - b for now, b in zip(_now(), begun, strict=True))
    return {"seconds": seconds / passes, "cpu": cpu / passes, "whole": seconds}


def _quality(y: Any, scores: Any) -> Answer:
    """The area under the ROC curve, and the mean of the logistic loss."""
    scores = scores.astype(np.float64)
    return {"auc": auc(y, scores), "loss": float(np.mean(np.logaddexp(0, scores) - y * scores))}


def _memory() -> float:
    """The most bytes that this process, or one that it started and that has ended, had in memory."""
    return 1024.0 * max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _keys(folder: Path) -> tuple[Any, Any]:
    """[rows, columns] uint32, and labels as float32."""
    parts = [(clicks.hashed(values) >> np.uint64(64 - BITS), label) for values, label in clicks.read(folder)]
    keys, labels = zip(*parts, strict=True)
    return np.concatenate(keys).astype(np.uint32), np.concatenate(labels).astype(np.float32)


def by_vw(table: Clicks, passes: int) -> Answer:
    """Vowpal Wabbit from its cache, the first pass from text; a thread that reads, and one that learns."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        labels = {part: _write_text(table.folder / part, folder / part) for part in ("train", "test")}
        cache = ["-d", str(folder / "train"), "--cache_file", str(folder / "cache")]
        _vw("-k", "--noop", *cache)
        learn = ["--ftrl", "--ftrl_alpha", str(ALPHA), "--ftrl_beta", str(BETA), "--loss_function", "logistic"]
        learn += ["-f", str(folder / "model")]
        start = _vw("-d", "/dev/null", *learn)
        first = _vw("-d", str(folder / "train"), *learn) - start
        seconds, cpu = (_vw(*cache, "--passes", str(passes), "--holdout_off", *learn) - start) / passes
        _vw("-t", "-d", str(folder / "test"), "-i", str(folder / "model"), "-p", str(folder / "scores"))
        spent = {"seconds": seconds, "cpu": cpu, "first": first[0], "whole": passes * seconds}
        return spent | _quality(labels["test"], np.loadtxt(folder / "scores"))


def _vw(*arguments: str) -> Any:
    """Run Vowpal Wabbit; returns its seconds, and those of CPU, as an array."""
    size = [] if "-t" in arguments else ["-b", str(BITS)]
    begun = time.perf_counter()
    before = os.times()
    subprocess.run([sys.executable, "-m", "vowpalwabbit", "--quiet", *size, *arguments], check=True)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return np.array([time.perf_counter() - begun, cpu])


def by_network(table: Clicks, passes: int) -> Answer:
    """DLRM's network alone, in plain JAX on vectors that are there already: a step of Adagrad for 1,024 rows each."""
    import jax
    import jax.numpy as jnp

    random = np.random.default_rng(0)
    columns = len(table.features)
    pairs = np.triu_indices(columns, 1)
    weights = [0.05 * random.normal(size=shape) for shape in ((len(pairs[0]), HIDDEN), (HIDDEN,), (HIDDEN, 1), (1,))]
    parameters = [jnp.asarray(w, jnp.float32) for w in weights]
    squares = [jnp.zeros_like(p) for p in parameters]
    vectors = jnp.asarray(random.normal(size=(DLRM_BATCH, columns, WIDTH)), jnp.float32)
    y = jnp.asarray(random.integers(0, 2, DLRM_BATCH), jnp.float32)

    def loss(parameters: Any, vectors: Any, y: Any) -> Any:
        products = jnp.einsum("rfd,rgd->rfg", vectors, vectors)[:, pairs[0], pairs[1]]
        hidden = jax.nn.relu(products @ parameters[0] + parameters[1])
        score = (hidden @ parameters[2] + parameters[3])[:, 0]
        return jnp.sum(jax.nn.softplus(score) - score * y)

    @jax.jit
    def step(parameters: Any, squares: Any, vectors: Any, y: Any) -> Any:
        own, by_vector = jax.grad(loss, argnums=(0, 1))(parameters, vectors, y)
        following = [s + g * g for s, g in zip(squares, own, strict=True)]
        moved = [p - 0.05 * g / (jnp.sqrt(s) + 1e-10) for p, g, s in zip(parameters, own, following, strict=True)]
        return moved, following, by_vector

    jax.block_until_ready(step(parameters, squares, vectors, y))
    begun = _now()
    for _ in range(passes * (table.train_rows // DLRM_BATCH)):
        parameters, squares, by_vector = step(parameters, squares, vectors, y)
    jax.block_until_ready(by_vector)
    return _since(begun, passes)


def by_torch(table: Clicks, passes: int) -> Answer:
    """DLRM in torch, over keys in memory; one thread."""
    from benchmarks.peers.sparse_torch import Training

    keys, y = _keys(table.folder / "train")
    training = Training(keys, y, WIDTH, HIDDEN, DLRM_BATCH)
    begun = _now()
    for _ in range(passes):
        training.epoch()
    spent = _since(begun, passes)
    keys, y = _keys(table.folder / "test")
    return spent | _quality(y, training.score(keys))


def by_spark(table: Clicks, passes: int) -> Answer:
    """MLlib's logistic regression by L-BFGS, of which an iteration is taken for a pass, over rows in Spark's cache."""
    from benchmarks.peers import sparse_spark

    with tempfile.TemporaryDirectory() as name:
        rows = Path(name) / "rows.parquet"
        sparse_spark.write(rows, *_keys(table.folder / "train"), 1 << BITS)
        spent, weights, bias = sparse_spark.fit(rows, ITERATIONS, PENALTY)
    keys, y = _keys(table.folder / "test")
    return spent | _quality(y, weights[keys].sum(axis=1) + bias)


def _write_text(source: Path, target: Path) -> Values:
    """Write rows in Vowpal Wabbit's format; returns their labels."""
    labels = []
    with target.open("wb") as file:
        for values, label in clicks.read(source):
            columns = [pa.array(np.where(label > 0, "1 |", "-1 |"))]
            columns += [
                pc.binary_join_element_wise(f"c{c}", pa.array(column).cast(pa.string()), "_")
                for c, column in enumerate(values.T)
            ]
            file.write("\n".join(pc.binary_join_element_wise(*columns, " ").to_pylist()).encode() + b"\n")
            labels.append(label)
    return np.concatenate(labels)


WAYS = {
    "ftrl": by_loop,
    "adagrad": by_adagrad,
    "factors": by_factors,
    "vw": by_vw,
    "network": by_network,
    "torch": by_torch,
    "spark": by_spark,
}


def main() -> None:
    way, rows, passes = sys.argv[1:]
    serve(lambda: WAYS[way](Clicks(int(rows)), int(passes)) | {"memory": _memory()})


if __name__ == "__main__":
    main()
