"""Starts of k-means: the result from the start that yarnml takes, and from k-means||.

Bahmani et al., "Scalable k-Means++", VLDB 2012, picks about 2 · clusters rows in each of five rounds, in proportion to
their squared distance to those picked before; each counts for the rows that are nearest to it.  Both samples go through
the same search for centres, and from there scikit-learn's iterations.  Compared is scikit-learn's best of ten.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.measure import align, spread

Array = npt.NDArray[Any]
Start = Callable[[int], Any]  # seed → centres, or what scikit-learn knows

ROUNDS = 5
OVERSAMPLING = 2.0
CASES = [("wine", 3), ("wine", 10), ("breast_cancer", 2), ("breast_cancer", 10), ("digits", 10), ("digits", 50)]


def main(seeds: int = 20) -> None:
    """Starts of k-means on real data: yarnml's coreset and k-means||, beside scikit-learn's best of ten."""
    print(f"seeding: squared distances at the end / scikit-learn's best of ten, median (min-max) of {seeds} seeds")
    lines = [["", "", "coreset", "k-means||", "k-means++ once"]]
    for name, clusters in CASES:
        x = data(name)
        best = lloyd(x, clusters, "k-means++", 0, 10)
        ratios = [[lloyd(x, clusters, start(s), s) / best for s in range(seeds)] for start in starts(x, clusters)]
        lines.append([name, f"{clusters} clusters", *map(spread, ratios)])
    align(lines)


def data(name: str) -> Array:
    """Rows around 0; but for the digits' grey values every feature with the same deviation."""
    from sklearn import datasets

    x = getattr(datasets, f"load_{name}")().data
    x = x - x.mean(axis=0)
    return (x if name == "digits" else x / x.std(axis=0)).astype(np.float32)


def lloyd(x: Array, clusters: int, start: Any, seed: int, times: int = 1) -> float:
    """The sum of squared distances when no iteration changes anything any more."""
    from sklearn.cluster import KMeans

    return float(KMeans(clusters, init=start, n_init=times, tol=0, max_iter=500, random_state=seed).fit(x).inertia_)


def starts(x: Array, clusters: int) -> Iterator[Start]:
    """yarnml's, k-means||, and scikit-learn's."""
    import jax
    import jax.numpy as jnp

    from yarnml.learners.moments import coreset

    begin = jax.jit(coreset.begin, static_argnums=2)
    pick = jax.jit(partial(coreset.pick, slots=coreset.slots_for(clusters)))
    total = jnp.float32(len(x))
    scale = jnp.float32(np.square(x).sum(axis=1).mean())

    def by_coreset(seed: int) -> Array:
        bits = jax.random.bits(jax.random.key(seed), (), jnp.uint32)
        sample = coreset.points(pick(x, jnp.ones(len(x)), scale, total, bits))
        return np.asarray(begin(*sample, clusters, bits)[0])

    def by_rounds(seed: int) -> Array:
        bits = jax.random.bits(jax.random.key(seed), (), jnp.uint32)
        points, weight = candidates(x, clusters, np.random.default_rng(seed))
        return np.asarray(begin(points, weight, clusters, bits)[0])

    yield by_coreset
    yield by_rounds
    yield lambda seed: "k-means++"


def candidates(x: Array, clusters: int, random: np.random.Generator) -> tuple[Array, Array]:
    """The rows that the rounds of k-means|| pick, and what each counts for; as many arrays of the same length."""
    room = 1 + int(2 * ROUNDS * OVERSAMPLING * clusters)
    picked = x[[random.integers(len(x))]]
    for _ in range(ROUNDS):
        distance = _distances(x, picked).min(axis=1)
        picked = np.concatenate(
            [picked, x[random.random(len(x)) < OVERSAMPLING * clusters * distance / distance.sum()]]
        )
    counts = np.bincount(_distances(x, picked).argmin(axis=1), minlength=room)
    return np.pad(picked, ((0, room - len(picked)), (0, 0))), counts.astype(np.float32)


def _distances(x: Array, centres: Array) -> Array:
    return np.maximum(np.square(x).sum(axis=1)[:, None] - 2 * x @ centres.T + np.square(centres).sum(axis=1), 0)
