"""A small weighted sample that stands for all rows when clusters are begun.

A lightweight coreset (Bachem, Lucic and Krause, "Scalable k-Means Clustering via Lightweight Coresets", KDD 2018): a
row is picked with a probability that is half the same for all, half its share of all squared distances to the mean, and
counts for so many rows as that probability stands for.  So a small cluster that is far is not missed.  The centres
begin on the sample, by k-means++ (Arthur and Vassilvitskii, "k-means++", SODA 2007) and Lloyd's steps, the best of
several.  Where k-means|| (Bahmani et al., VLDB 2012) goes over the data twice for each of its rounds, this is one pass,
with no distances to candidates.

The sample is a sum.  Whether a row is picked, and into which *slot*, is a hash of its numbers and its place in the
batch: the same on every worker.  A slot in which rows met that are not one point is left out.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from yarnml.learners.noise import mix_bits

STARTS = 8
"""Runs of k-means++ on the sample."""
TRIED_POINTS = 4
"""Points that k-means++ tries for each centre."""
LLOYD_STEPS = 10
"""Lloyd's steps after k-means++."""
MIN_SLOTS = 1024
SLOTS_PER_CLUSTER = 16
MAX_SPREAD = 1e-3
"""The spread within a slot, as a part of its squared distance, up to which its rows are one point."""


class Slots(NamedTuple):
    """Sums by slot over its rows: of their counts [slots], count · x [slots, width], count · |x|² [slots]."""

    weight: jax.Array
    first: jax.Array
    second: jax.Array


def slots_for(clusters: int) -> int:
    """The number of slots: about half of them are filled, and a third of all holds one row alone."""
    return max(MIN_SLOTS, SLOTS_PER_CLUSTER * clusters)


def pick(x: jax.Array, weight: jax.Array, spread: jax.Array, total: jax.Array, seed: jax.Array, slots: int) -> Slots:
    """Pick rows of a batch for the sample.

    ``x`` [rows, width]: relative to the mean of all rows.
    ``spread``, ``total``: mean squared distance to the mean, and weight, of all rows of the training data.
    ``seed``: uint32.
    """
    square = jnp.sum(x * x, axis=1)
    share = (1.0 + square / jnp.where(spread > 0, spread, 1.0)) / 2.0
    chance = jnp.clip(0.5 * slots * weight / jnp.where(total > 0, total, 1.0) * share, 0.0, 1.0)
    return sample(x, weight / jnp.where(chance > 0, chance, 1.0), chance, seed, slots)


def sample(x: jax.Array, counts: jax.Array, chance: jax.Array, seed: jax.Array, slots: int) -> Slots:
    """Put each row of a batch, with its ``chance`` [rows], into one of the slots, where it counts for ``counts``."""
    hashes = _hashes(x, seed)
    slot = jnp.where(_fraction(hashes, x.dtype) < chance, (mix_bits(hashes + 1) % slots).astype(jnp.int32), slots)
    square = jnp.sum(x * x, axis=1)
    values = jnp.concatenate([counts[:, None], counts[:, None] * x, (counts * square)[:, None]], axis=1)
    sums = jnp.zeros((slots, values.shape[1])).at[slot].add(values, mode="drop")
    return Slots(sums[:, 0], sums[:, 1:-1], sums[:, -1])


def points(slots: Slots) -> tuple[jax.Array, jax.Array]:
    """The sample: points [slots, width] and what they count for [slots], 0 where a slot is not one point."""
    x = slots.first / jnp.where(slots.weight > 0, slots.weight, 1.0)[:, None]
    apart = slots.second - slots.weight * jnp.sum(x * x, axis=1)
    return x, jnp.where(apart <= MAX_SPREAD * slots.second, slots.weight, 0.0)


def begin(x: jax.Array, weight: jax.Array, clusters: int, seed: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The best centres [clusters, width] of several starts, and their mean squared distance; x [points, width]."""
    seeds = mix_bits(seed + jnp.arange(STARTS, dtype=jnp.uint32))
    centres, cost = jax.lax.map(lambda s: _one_start(x, weight, clusters, s), seeds)
    best = jnp.argmin(cost)
    total = jnp.sum(weight)
    return centres[best], cost[best] / jnp.where(total > 0, total, 1.0)


def squared_distances(x: jax.Array, centres: jax.Array) -> jax.Array:
    """Squared distances, [rows, width], [clusters, width] → [rows, clusters]; both lie around 0, so little is lost."""
    product = jnp.matmul(x, centres.T, precision=jax.lax.Precision.HIGHEST)
    squares = jnp.sum(x * x, axis=1)[:, None] - 2.0 * product + jnp.sum(centres * centres, axis=1)
    return jnp.maximum(squares, 0.0)


def _one_start(x: jax.Array, weight: jax.Array, clusters: int, seed: jax.Array) -> tuple[jax.Array, jax.Array]:
    def choose(number: jax.Array, chosen: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        """The best of a few points, drawn in proportion to their mass: the first to arrive in an exponential race."""
        centres, distance = chosen
        bits = mix_bits(mix_bits(seed + number.astype(jnp.uint32)) + jnp.arange(len(x), dtype=jnp.uint32))
        mass = weight * distance
        arrival = jnp.where(mass > 0, -jnp.log1p(-_fraction(bits, x.dtype)) / mass, jnp.inf)
        drawn = x[jax.lax.top_k(-arrival, TRIED_POINTS)[1]]
        to_drawn = squared_distances(x, drawn)
        nearer = jnp.where(number == 0, to_drawn, jnp.minimum(distance[:, None], to_drawn))
        best = jnp.argmin(weight @ nearer)
        return centres.at[number].set(drawn[best]), nearer[:, best]

    def step(_: jax.Array, centres: jax.Array) -> jax.Array:
        membership = jax.nn.one_hot(jnp.argmin(squared_distances(x, centres), axis=1), clusters) * weight[:, None]
        rows = jnp.sum(membership, axis=0)[:, None]
        return jnp.where(rows > 0, membership.T @ x / jnp.where(rows > 0, rows, 1.0), centres)

    centres, _ = jax.lax.fori_loop(0, clusters, choose, (jnp.zeros((clusters, x.shape[1])), jnp.ones(len(x))))
    centres = jax.lax.fori_loop(0, LLOYD_STEPS, step, centres)
    return centres, jnp.sum(weight * jnp.min(squared_distances(x, centres), axis=1))


def _hashes(x: jax.Array, seed: jax.Array) -> jax.Array:
    """A number below 2^32 for every row, of its bits, its place and the seed."""
    odd = mix_bits(seed + jnp.arange(x.shape[1] + 1, dtype=jnp.uint32)) | 1
    bits = mix_bits(jax.lax.bitcast_convert_type(x.astype(jnp.float32), jnp.uint32)) * odd[:-1]
    place = jnp.arange(len(x), dtype=jnp.uint32) * odd[-1]
    return mix_bits(jnp.sum(bits, axis=1, dtype=jnp.uint32) + place)


def _fraction(bits: jax.Array, kind: Any) -> jax.Array:
    """0 ≤ a number < 1, of 24 bits and of type ``kind``."""
    return (bits >> 8).astype(kind) * 2.0**-24
