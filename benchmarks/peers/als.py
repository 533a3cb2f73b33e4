"""Alternating least squares by others: ``WAY RATINGS RANK ITERATIONS``, on implicit feedback.

The answer: seconds of it all and of one iteration, and how many of the pairs held back are recommended.
"""

import statistics
import sys
import time
from typing import Any

import numpy as np

from benchmarks import ratings
from benchmarks.als import CONFIDENCE, L2
from benchmarks.measure import CORES
from benchmarks.peers.process import Answer, serve
from benchmarks.ratings import PER_USER, Ratings

BLOCK = 1 << 19  # numbers of factors that are gathered at once


def answer(table: Ratings, seconds: float, iteration: float, users: Any, items: Any) -> Answer:
    recall = ratings.recall(table, np.asarray(users), np.asarray(items))
    return {"seconds": seconds, "iteration": iteration, "recall": recall}


def by_implicit(table: Ratings, rank: int, iterations: int, gradients: bool = False) -> Answer:
    """It takes the whole weight of a pair, with the 1 of all pairs in it."""
    from implicit.cpu.als import AlternatingLeastSquares
    from scipy.sparse import csr_matrix

    start = time.perf_counter()
    user, item, amount = ratings.read(table.train)
    weights = csr_matrix((1 + np.float32(CONFIDENCE) * amount, (user, item)), shape=(table.users, table.items))
    model = AlternatingLeastSquares(
        rank, regularization=L2, alpha=1.0, use_cg=gradients, iterations=iterations, num_threads=CORES, random_state=0
    )
    took: list[float] = []
    model.fit(weights, show_progress=False, callback=lambda iteration, seconds, loss: took.append(seconds))
    seconds = time.perf_counter() - start
    return answer(table, seconds, statistics.median(took), model.user_factors, model.item_factors)


def by_gradients(table: Ratings, rank: int, iterations: int) -> Answer:
    return by_implicit(table, rank, iterations, gradients=True)


def by_jax(table: Ratings, rank: int, iterations: int) -> Answer:
    """Users, and items, of nearly as many ratings lie in one array, padded to a power of two."""
    import jax
    import jax.numpy as jnp

    start = time.perf_counter()
    user, item, amount = ratings.read(table.train)

    def grouped(owner: Any, other: Any) -> list[Any]:
        order = np.argsort(owner, kind="stable")
        counts = np.bincount(owner)
        starts = np.cumsum(counts) - counts
        sizes = np.maximum(4, np.ceil(np.log2(np.maximum(counts, 1))))
        groups = []
        for size in np.unique(sizes[counts > 0]):
            owners = np.flatnonzero((sizes == size) & (counts > 0))
            block = max(1, int(BLOCK / rank / 2**size))
            owners = np.append(owners, np.full(-len(owners) % block, owners[0]))  # one is solved several times
            at = np.arange(2 ** int(size))
            within = at < counts[owners][:, None]
            place = order[np.where(within, starts[owners][:, None] + at, 0)]
            more = np.where(within, CONFIDENCE * amount[place], 0).astype(np.float32)
            shape = (-1, block, len(at))
            groups.append((owners, other[place].reshape(shape), more.reshape(shape), within.reshape(shape)))
        return groups

    @jax.jit
    def solve(fixed: Any, other: Any, more: Any, within: Any) -> Any:
        common = fixed.T @ fixed + L2 * jnp.eye(rank)

        def block(group: Any) -> Any:
            other, more, within = group
            f = fixed[other]
            matrix = jnp.einsum("bni,bn,bnj->bij", f, more, f) + common
            right = jnp.einsum("bni,bn->bi", f, (1 + more) * within)
            return jnp.linalg.solve(matrix, right[:, :, None])[:, :, 0]

        return jax.lax.map(block, (other, more, within)).reshape(-1, rank)

    def side(factors: Any, fixed: Any, groups: list[Any]) -> Any:
        for owners, *group in groups:
            factors = factors.at[owners].set(solve(fixed, *group))
        return factors

    by_user, by_item = (jax.tree.map(jnp.asarray, grouped(*pair)) for pair in ((user, item), (item, user)))
    users = jnp.zeros((table.users, rank))
    items = jax.random.normal(jax.random.key(0), (table.items, rank)) / np.sqrt(rank)
    took = []
    for _ in range(1 + iterations):  # the first is the compiler's
        begun = time.perf_counter()
        users = side(users, items, by_user)
        items = side(items, users, by_item).block_until_ready()
        took.append(time.perf_counter() - begun)
    return answer(table, time.perf_counter() - start, statistics.median(took[1:]), users, items)


def by_spark(table: Ratings, rank: int, iterations: int) -> Answer:
    """An iteration is what a fit of so many more takes longer; the first fit warms the JVM up.

    Its penalty is times the number of a user's or an item's ratings, and is given for a user's usual number.
    """
    from benchmarks.peers.spark import session

    def fit(iterations: int) -> tuple[float, Any]:
        begun = time.perf_counter()
        trainer = ALS(
            rank=rank,
            maxIter=iterations,
            regParam=L2 / PER_USER,
            implicitPrefs=True,
            alpha=CONFIDENCE,
            numUserBlocks=CORES,
            numItemBlocks=CORES,
            userCol="user",
            itemCol="item",
            ratingCol="amount",
            seed=1,
        )
        model = trainer.fit(rows)
        return time.perf_counter() - begun, model

    def factors(rows: Any, count: int) -> Any:
        array = np.zeros((count, rank), np.float32)
        for number, values in rows.collect():
            array[number] = values
        return array

    with session() as spark:
        from pyspark.ml.recommendation import ALS

        start = time.perf_counter()
        rows = spark.read.parquet(f"file://{table.train}").coalesce(CORES).cache()
        rows.count()
        read = time.perf_counter() - start
        fit(1)
        few = fit(1)[0]
        many, model = fit(1 + iterations)
        users = factors(model.userFactors, table.users)
        items = factors(model.itemFactors, table.items)
    return answer(table, read + many, (many - few) / iterations, users, items)


WAYS = {"implicit": by_implicit, "gradients": by_gradients, "jax": by_jax, "spark": by_spark}

if __name__ == "__main__":
    way, code, rank, iterations = sys.argv[1:]
    serve(lambda: WAYS[way](ratings.decoded(code), int(rank), int(iterations)))
