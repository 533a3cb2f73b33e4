"""The best split of every node of a level, from its histograms.

With sums of gradients G (one or several) and of second derivatives H, a node that is left as it is lowers the loss by
Σ G² / (H + l2) / 2, and a split is worth what its two sides gain over it.  (Chen and Guestrin, KDD 2016; histograms:
Ke et al., "LightGBM", NIPS 2017.)  For plain trees the gradients are those of the squared error of the label or of the
classes' shares, so that the gain is the decrease in variance or in Gini impurity (Breiman et al., 1984).

Where predictions must follow the trend of a feature, a split on it whose leaves would not is refused, and below it
leaves are held to their side of the middle between the two, so that no later split can undo it.
"""

from typing import NamedTuple

import numpy as np

from yarnml.data.arrays import Array
from yarnml.learners.trees.categories import SMOOTHING, in_order, left_of, packed, word_count
from yarnml.learners.trees.kernels import kernels
from yarnml.learners.trees.kernels_in_numba import ROUNDING
from yarnml.learners.trees.rule import Columns, Terms

_LARGEST = float(np.finfo(np.float32).max)


class Level(NamedTuple):
    """The nodes of a pass, of all trees.

    ``sums`` [nodes, features, bins + 1, channels]: over the rows in each bin, and last over those whose value is
    missing; of gradients, and last of second derivatives.
    ``features`` [nodes, features]: the numbers of the features, where each node has its own; None: they are all.
    ``bounds`` [2, nodes]: the least and the largest leaf; None where leaves are free.
    ``draws`` [nodes, features]: numbers in [0, 1) that choose the only place to split at; None for all places.
    ``allowed`` [nodes, all features]: true for those that a node may be split by; None for all.
    """

    sums: Array
    features: Array | None
    bounds: Array | None
    draws: Array | None = None
    allowed: Array | None = None


class Splits(NamedTuple):
    """The best split of every node; arrays are [nodes] where nothing else is said.

    ``feature``: -1 for no split.
    ``categories`` [nodes, words]: the set of bins that go left, where the feature is categorical; None if none is.
    ``left``: true where missing values go left.
    ``cover``: H, the node's sum of second derivatives.
    ``leaf`` [2, outputs, nodes]: left and right, if they are split no further.
    ``weight`` [2, nodes]: H, left and right.
    ``bounds`` [2, 2, nodes]: the least leaf of both sides, and the largest.
    """

    feature: Array
    bin: Array
    categories: Array | None
    left: Array
    gain: Array
    cover: Array
    leaf: Array
    weight: Array
    bounds: Array | None


def best_splits(level: Level, columns: Columns, edges: Array, terms: Terms) -> Splits:
    """The best split of every node, among all features that it may use; ``edges`` [features, bins]."""
    nodes, count, width, _ = level.sums.shape
    bins = width - 1
    bounds = level.bounds
    features = np.broadcast_to(np.arange(count), (nodes, count)) if level.features is None else level.features
    total = (np.cumsum(level.sums[:, 0, :bins], axis=1)[:, -1] + level.sums[:, 0, bins]).T.copy()
    column, bin, side, twice_gain = _searched(level, features, total, columns, terms)
    gain = 0.5 * twice_gain
    split = gain > terms.gain
    number = np.arange(nodes)
    by_bin = np.moveaxis(level.sums[number, column], -1, 0)  # [channels, nodes, bins + 1]
    feature = features[number, column]
    absent = by_bin[..., -1]
    by_bin = by_bin[..., :-1]
    upto = np.cumsum(by_bin, axis=-1)
    middle = _middle(upto[-1], bin, edges[feature].astype(float))
    left = upto[:, number, middle]
    if columns.categorical.any():
        is_left = left_of(by_bin, bin, side)
        added = np.sum(np.where(is_left, by_bin, 0.0), axis=-1)
        left = np.where(columns.categorical[feature], added, left)
    left = np.where(split, left + np.where(side, absent, 0.0), total)
    right = total - left
    to_left = np.where(absent[-1] > 0, side, left[-1] >= right[-1])  # unseen: with most rows
    sets = packed(left_of(by_bin, bin, to_left), word_count(bins)) if columns.categorical.any() else None
    leaf = np.stack([_leaf(left, terms.l2, bounds), _leaf(right, terms.l2, bounds)])
    below = None
    if bounds is not None:
        below = _bounds_below(bounds, leaf.mean(axis=(0, 1)), np.where(split, columns.trend[feature], 0))
        leaf = np.clip(leaf, below[0][:, None], below[1][:, None])
    return Splits(
        np.where(split, feature, -1).astype(np.int32),
        middle.astype(np.int32),
        sets,
        to_left,
        np.where(split, gain, 0.0).astype(np.float32),
        total[-1],
        leaf,
        np.stack([left[-1], right[-1]]),
        below,
    )


def _searched(level: Level, features: Array, total: Array, columns: Columns, terms: Terms) -> tuple[Array, ...]:
    """The best place of every node, as `Kernels.search` gives it: column, bin, side of missing values, twice the gain.

    ``features`` [nodes, features]: their numbers.  ``total`` [channels, nodes]: over all rows of a node.
    """
    sums = level.sums
    nodes, count, width, _ = sums.shape
    bins = width - 1
    categorical = columns.categorical[features]  # [nodes, features]
    penalty = terms.l2 + np.where(categorical, SMOOTHING, 0.0)
    first: Array = np.zeros((nodes, count), np.int32)
    last: Array = np.where(categorical, bins - 1, bins).astype(np.int32)
    if categorical.any():
        sums = sums.copy()
        sums[categorical, :bins] = in_order(sums[categorical, :bins])
    if level.draws is not None:
        first = _drawn(np.cumsum(sums[..., :bins, -1], axis=-1), level.draws)
        last = np.minimum(first + np.int32(1), last)
    if level.allowed is not None:
        last = np.where(np.take_along_axis(level.allowed, features, axis=1), last, 0).astype(np.int32)
    limits = np.ascontiguousarray(no_bounds(nodes) if level.bounds is None else level.bounds, float)
    best = np.zeros(nodes, np.int32), np.zeros(nodes, np.int32), np.zeros(nodes, bool), np.zeros(nodes)
    searched = sums, total, penalty, first, last, columns.trend[features], limits
    kernels().search(*searched, level.bounds is not None, float(terms.least), *best)
    return best


def _drawn(weight: Array, draws: Array) -> Array:
    """One of the places [nodes, features] that part the rows of a node; ``weight`` […, bins]: the sum up to each."""
    whole = weight[..., -1:]
    first = np.sum(weight <= 0, axis=-1)
    last = np.sum(weight < whole * (1 - ROUNDING), axis=-1)
    count = np.maximum(last - first, 0)
    return (first + np.floor(draws * count.astype(np.float32))).astype(np.int32)


def _middle(weight: Array, bin: Array, edges: Array) -> Array:
    """The bin whose edge lies in the middle of those that part a node's rows as ``bin`` [nodes] does.

    ``weight`` [nodes, bins]: the sum up to each bin; ``edges`` [nodes, bins].  So a threshold keeps away from the rows.
    """
    number = np.arange(len(bin))
    at = weight[number, bin][:, None]
    alike = np.abs(weight - at) <= ROUNDING * at
    first = np.argmax(alike, axis=1)
    last = alike.shape[1] - 1 - np.argmax(alike[:, ::-1], axis=1)
    middle = (edges[number, first] + edges[number, last])[:, None] / 2
    return np.argmin(np.where(alike, np.abs(edges - middle), np.inf), axis=1)


def no_bounds(nodes: int) -> Array:
    """Bounds that leave leaves free, [2, nodes]."""
    return np.repeat([[-_LARGEST], [_LARGEST]], nodes, axis=1)


def _bounds_below(bounds: Array, middle: Array, trend: Array) -> Array:
    """The bounds of both sides of every node, [2, 2, nodes]; where there is a trend, ``middle`` parts them."""
    low, high = bounds
    up = trend > 0
    down = trend < 0
    lows = np.stack([np.where(down, middle, low), np.where(up, middle, low)])
    return np.stack([lows, np.stack([np.where(up, middle, high), np.where(down, middle, high)])])


def _leaf(sums: Array, l2: float, bounds: Array | None) -> Array:
    """The leaf that lowers the loss the most, within bounds [2, nodes]; sums [channels, nodes] → [outputs, nodes]."""
    weight = sums[-1] + l2
    leaf = -sums[:-1] / np.where(weight > 0, weight, 1.0)
    return leaf if bounds is None else np.clip(leaf, *bounds)
