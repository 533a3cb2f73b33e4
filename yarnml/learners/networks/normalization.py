"""Normalisation of what a layer computes, before its gain and bias.

Layer normalisation is a function of one row (Ba, Kiros and Hinton, "Layer Normalization", arXiv 1607.06450, 2016).
Batch normalisation (Ioffe and Szegedy, "Batch Normalization", ICML 2015) makes a row depend on those beside it.  Here
these are the rows that are mapped at once: a shard's part of a step, or a micro-batch of it.  Hoffer, Hubara and Soudry
call them ghost batches ("Train longer, generalize better", NIPS 2017).  They are a function of the cut, not of the
workers, and nothing has to be sent within a step.  Predictions normalise by moments of whole steps, from
sums over all shards that travel with the gradient.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

EPSILON = 1e-5
"""A number that is added to every variance, so that none is 0."""
MOMENTUM = 0.9
"""The share of the running moments that is left after a step."""


class Moments(NamedTuple):
    """Mean and variance of what one layer computes, over rows and places, each float32 [width]."""

    mean: jax.Array
    variance: jax.Array


class Deviations(NamedTuple):
    """Sums of distances d from the running mean: Σ weight · d and Σ weight · d² over rows, each float32 [width]."""

    first: jax.Array
    second: jax.Array


class Running(NamedTuple):
    """Running moments.

    ``layers``: moments of whole steps, averaged over the steps so far.
    ``steps``: the number of steps that had rows, int32.
    """

    layers: list[Moments]
    steps: jax.Array


def layer_norm(x: jax.Array) -> jax.Array:
    """Normalise every run of ``width`` numbers of […, width] to mean 0 and variance 1; computed in float32."""
    wide = x.astype(jnp.float32)
    mean = jnp.mean(wide, axis=-1, keepdims=True)
    variance = jnp.mean(jnp.square(wide - mean), axis=-1, keepdims=True)
    return _normalized(wide, Moments(mean, variance)).astype(x.dtype)


def by_moments(x: jax.Array, moments: Moments) -> jax.Array:
    """Normalise […, width] by given moments; computed in float32."""
    return _normalized(x.astype(jnp.float32), moments).astype(x.dtype)


class GhostBatch:
    """Normalisation of each layer by the moments of the rows at hand, whose ``sums`` it notes.

    It is good for one pass through a network.

    ``weight`` [rows]: a row counts as often as its weight says, one of weight 0 not at all.
    """

    def __init__(self, weight: jax.Array, running: Running) -> None:
        self._weight = weight
        self._running = running
        self.sums: list[Deviations] = []

    def __call__(self, x: jax.Array, layer: int) -> jax.Array:
        moments = moments_of(x, self._weight)
        shift = moments.mean - self._running.layers[layer].mean
        total = jnp.sum(self._weight)
        self.sums.append(Deviations(total * shift, total * (moments.variance + jnp.square(shift))))
        return by_moments(x, moments)


def moments_of(x: jax.Array, weight: jax.Array) -> Moments:
    """The moments of rows x [rows, …, width]; without any weight all rows count alike, so that they stay finite."""
    total = jnp.sum(weight)
    share = jnp.where(total > 0, weight, 1.0) / jnp.where(total > 0, total, float(len(weight)))
    wide = x.astype(jnp.float32).reshape(x.shape[0], -1, x.shape[-1])

    def average(a: jax.Array) -> jax.Array:
        return jnp.sum(share[:, None] * jnp.mean(a, axis=1), axis=0)

    mean = average(wide)
    return Moments(mean, average(jnp.square(wide - mean)))


def start(widths: Sequence[int]) -> Running:
    """The running moments before the first step, for layers of these widths."""
    return Running([Moments(jnp.zeros(n), jnp.ones(n)) for n in widths], jnp.zeros((), jnp.int32))


def known(layers: list[Moments]) -> Running:
    """The running moments of a model that was trained before: from here on old ones fade by `MOMENTUM`."""
    return Running(layers, jnp.asarray(round(1 / (1 - MOMENTUM)) + 1, jnp.int32))


def follow(running: Running, sums: Sequence[Deviations], weight: jax.Array) -> Running:
    """The running moments after a step, given the sums over all its rows, of total ``weight``.

    The first step only tells where the rows lie: a variance of distances from 0 may have lost all its digits.  The next
    ten are averaged alike; from then on old ones fade by `MOMENTUM`.
    """
    counts = weight > 0
    steps = running.steps + counts.astype(jnp.int32)
    averaged = jnp.maximum(steps - 1, 1).astype(jnp.float32)
    rate = jnp.where(counts, jnp.maximum(1.0 - MOMENTUM, 1.0 / averaged), 0.0)
    weight = jnp.where(counts, weight, 1.0)

    def following(old: Moments, sums: Deviations) -> Moments:
        shift = sums.first / weight
        variance = jnp.maximum(sums.second / weight - jnp.square(shift), 0.0)
        return Moments(old.mean + rate * shift, old.variance + rate * (variance - old.variance))

    return Running([following(*pair) for pair in zip(running.layers, sums, strict=True)], steps)


def _normalized(wide: jax.Array, moments: Moments) -> jax.Array:
    return (wide - moments.mean) * jax.lax.rsqrt(moments.variance + EPSILON)
