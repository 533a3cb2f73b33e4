"""Growth of a round's trees: a pass finds the splits of the nodes that wait, and the nodes below them wait in turn.

A node has a number only where there are rows, and waits only where a split is possible.  So a tree of any depth costs
what its nodes cost, and a pass takes no more of them than `Size.width`, the first that came about.
"""

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from yarnml.data.arrays import Array
from yarnml.learners.trees.rule import Columns, Rule, Size
from yarnml.learners.trees.splits import Splits, no_bounds

_ROUNDING = 1e-6


class Growth(NamedTuple):
    """The trees of a round that are being grown.

    ``level`` [trees, nodes]: the nodes above a node.
    ``queue`` [trees, nodes]: the numbers of the nodes that waited or wait, in order; ``head``, ``tail`` [trees]: those
    that wait are the places from head up to tail.
    ``created`` [trees]: nodes so far.
    ``bounds`` [trees, 2, nodes]: the least and the largest leaf below a node; None where leaves are free.
    ``groups`` [trees, groups, nodes]: true where a group has all features above a node; None where all may interact.
    """

    level: Array
    queue: Array
    head: Array
    tail: Array
    created: Array
    bounds: Array | None
    groups: Array | None = None


class Nodes(NamedTuple):
    """The nodes that a pass finds splits of, those of the first tree first: ``tree`` and ``number`` [nodes]."""

    tree: Array
    number: Array


class Children(NamedTuple):
    """The nodes below those of a pass.

    ``child`` [nodes]: the number of the left one, 0 where there is none.
    ``splits`` [nodes]: true where there are.
    """

    child: Array
    splits: Array


def begin(rule: Rule, size: Size, trees: int, number: int, columns: Columns, xp: ModuleType = np) -> Growth:
    """Let the roots of round ``number`` wait, but for trees beyond the last one.

    ``xp``: the module of the arrays, NumPy or JAX's.
    """
    ungrown = rule.trees - number * rule.group
    shape = trees, size.nodes
    groups = columns.groups
    return Growth(
        level=xp.zeros(shape, np.int32),
        queue=xp.zeros(shape, np.int32),
        head=xp.zeros(trees, np.int32),
        tail=((xp.arange(trees) < ungrown) | (rule.group == 1)).astype(np.int32),
        created=xp.ones(trees, np.int32),
        bounds=xp.zeros((trees, 2, size.nodes), np.float32) + xp.asarray(no_bounds(1), np.float32)
        if columns.bounded
        else None,
        groups=None if groups is None else xp.ones((trees, len(groups), size.nodes), bool),
    )


def waiting(growth: Any, width: int) -> Array:
    """The nodes of each tree that a pass looks at, ``width`` at most: [trees]."""
    return np.minimum(growth.tail - growth.head, width)


def numbers_of_pass(growth: Any, tree: int, count: int) -> Array:
    """The numbers of the nodes of a tree that a pass looks at, of which there are ``count``."""
    head = int(growth.head[tree])
    numbers: Array = growth.queue[tree, head : head + count]
    return numbers


def nodes_of_pass(growth: Growth, width: int) -> Nodes:
    """The nodes that a pass looks at, ``width`` of each tree at most."""
    counts = waiting(growth, width)
    tree = np.repeat(np.arange(len(counts)), counts)
    return Nodes(tree, growth.queue[tree, growth.head[tree] + _rank(tree, np.ones(len(tree), bool))])


def either_waits(growth: Any, tree: int, child: Array) -> Array:
    """True where one of two siblings waits, or has; ``child``: the first of each two, 0 where there are none."""
    has_waited = np.zeros(growth.queue.shape[1] + 1, bool)
    has_waited[growth.queue[tree, : int(growth.tail[tree])]] = True
    return (child > 0) & (has_waited[child] | has_waited[child + 1])


def bounds_of(growth: Growth, nodes: Nodes) -> Array | None:
    """The bounds of the nodes of a pass, [2, nodes]."""
    return None if growth.bounds is None else growth.bounds[nodes.tree, :, nodes.number].T


def allowed_of(growth: Growth, nodes: Nodes, columns: Columns) -> Array | None:
    """The features that may interact with those above the nodes of a pass, bool [nodes, features]."""
    if growth.groups is None or columns.groups is None:
        return None
    groups = growth.groups[nodes.tree, :, nodes.number]  # [nodes, groups]
    return np.any(groups[..., None] & columns.groups, axis=1)


def children_of(growth: Growth, nodes: Nodes, possible: Array) -> Children:
    """Number the nodes below those that are split, as far as there is room for them.

    ``possible`` [nodes]: true for those that may be.
    """
    child = growth.created[nodes.tree] + 2 * _rank(nodes.tree, possible)
    splits = possible & (child + 1 < growth.queue.shape[1])
    return Children(np.where(splits, child, 0).astype(np.int32), splits)


def following(
    growth: Growth, nodes: Nodes, splits: Splits, children: Children, rule: Rule, columns: Columns, alike: Array
) -> Growth:
    """Take the nodes of a pass from the queue, and add those below them that may be split; ``growth`` is used up.

    ``alike`` [nodes, 2]: true for children whose rows no split can tell apart.
    """
    is_split = children.splits
    tree = np.repeat(nodes.tree[is_split], 2)
    child = (children.child[is_split, None] + np.arange(2)).reshape(-1)
    above = np.repeat(growth.level[nodes.tree, nodes.number][is_split], 2)
    enough = splits.weight.T[is_split] >= 2 * rule.terms.least * (1 - _ROUNDING)
    waits = (enough & ~alike[is_split]).reshape(-1) & (above + 1 < rule.depth)
    growth.level[tree, child] = above + 1
    if growth.bounds is not None and splits.bounds is not None:
        growth.bounds[tree, :, child] = splits.bounds.T[is_split].reshape(-1, 2)  # of [nodes, sides, 2]
    if growth.groups is not None and columns.groups is not None:
        own = growth.groups[nodes.tree, :, nodes.number] & columns.groups[:, np.maximum(splits.feature, 0)].T
        growth.groups[tree, :, child] = np.repeat(own[is_split], 2, axis=0)
    place = growth.tail[tree] + _rank(tree, waits)
    growth.queue[tree[waits], place[waits]] = child[waits]
    count = len(growth.head)
    return growth._replace(
        head=growth.head + np.bincount(nodes.tree, minlength=count).astype(np.int32),
        tail=growth.tail + np.bincount(tree[waits], minlength=count).astype(np.int32),
        created=growth.created + np.bincount(tree, minlength=count).astype(np.int32),
    )


def _rank(tree: Array, counts: Array) -> Array:
    """The number of those before each that count, of the same tree; ``tree`` ascending."""
    upto = np.cumsum(counts)
    before = upto - counts
    return before - before[np.searchsorted(tree, tree)]
