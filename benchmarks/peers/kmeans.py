"""k-means by hand: ``WAY TABLE CLUSTERS ITERATIONS``, Lloyd's iterations from the first rows as centres.

The answer: seconds of it all, of one iteration, and the mean squared distance to the nearest centre at the end.
"""

import sys
import time
from typing import Any

import numpy as np

from benchmarks import tables
from benchmarks.peers.process import Answer, serve
from benchmarks.tables import Table

BLOCK = 20_000  # rows whose distances stay in the processor's cache


def answer(seconds: float, iteration: float, x: Any, centres: Any) -> Answer:
    squares = (centres**2).sum(1)
    parts = [(part**2).sum(1) + (squares - 2 * part @ centres.T).min(1) for part in np.array_split(x, 64)]
    return {"seconds": seconds, "iteration": iteration, "loss": float(np.concatenate(parts).mean())}


def by_jax(table: Table, clusters: int, iterations: int) -> Answer:
    import jax
    import jax.numpy as jnp

    start = time.perf_counter()
    host, _ = tables.read(table)
    rows = len(host) // BLOCK * BLOCK if len(host) > BLOCK else len(host)  # whole blocks: the few others are left out
    x = jax.device_put(host[:rows]).reshape(-1, min(BLOCK, rows), table.width)

    @jax.jit
    def lloyd(centres: Any, x: Any) -> Any:
        squares = jnp.square(centres).sum(1)

        def add(sums: Any, rows: Any) -> Any:
            nearest = jnp.argmin(squares - 2 * rows @ centres.T, axis=1)
            membership = jax.nn.one_hot(nearest, clusters)
            return (sums[0] + membership.T @ rows, sums[1] + membership.sum(0)), None

        (first, count), _ = jax.lax.scan(add, (jnp.zeros_like(centres), jnp.zeros(clusters)), x)
        return jnp.where(count[:, None] > 0, first / jnp.maximum(count, 1)[:, None], centres)

    centres = jax.device_put(host[:clusters])
    lloyd(centres, x).block_until_ready()  # the compiler
    begun = time.perf_counter()
    for _ in range(iterations):
        centres = lloyd(centres, x)
    centres.block_until_ready()
    end = time.perf_counter()
    return answer(end - start, (end - begun) / iterations, host, np.asarray(centres))


def by_sklearn(table: Table, clusters: int, iterations: int) -> Answer:
    import warnings

    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    warnings.simplefilter("ignore", ConvergenceWarning)  # it is stopped early
    start = time.perf_counter()
    x, _ = tables.read(table)
    begun = time.perf_counter()
    model = KMeans(clusters, init=x[:clusters], n_init=1, max_iter=iterations, tol=0).fit(x)
    end = time.perf_counter()
    return answer(end - start, (end - begun) / model.n_iter_, x, model.cluster_centers_)


def by_spark(table: Table, clusters: int, iterations: int) -> Answer:
    """An iteration is what a fit of so many more takes longer; the first fit warms the JVM up."""
    from benchmarks.peers.spark import session, vectors

    def fit(iterations: int) -> tuple[float, Any]:
        begun = time.perf_counter()
        trainer = KMeans(k=clusters, maxIter=iterations, tol=0, seed=1, initMode="random")
        model = trainer.fit(rows)
        return time.perf_counter() - begun, model

    with session() as spark:
        from pyspark.ml.clustering import KMeans

        start = time.perf_counter()
        rows = vectors(spark, table).select("features").coalesce(2).cache()
        rows.count()
        read = time.perf_counter() - start
        fit(2)
        few = fit(2)[0]
        many, model = fit(2 + iterations)
        centres = np.array(model.clusterCenters(), np.float32)
    return answer(read + many, (many - few) / iterations, tables.read(table)[0], centres)


WAYS = {"jax": by_jax, "sklearn": by_sklearn, "spark": by_spark}

if __name__ == "__main__":
    way, code, clusters, iterations = sys.argv[1:]
    serve(lambda: WAYS[way](tables.decoded(code), int(clusters), int(iterations)))
