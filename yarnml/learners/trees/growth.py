"""Growth of a round's trees: a pass finds the splits of the nodes that wait, and the nodes below them wait in turn.

A node has a number only where there are rows, and waits only where a split is possible.  So a tree of any depth costs
what its nodes cost, and a pass takes no more of them than `Size.width`, the first that came about.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
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

    level: jax.Array
    queue: jax.Array
    head: jax.Array
    tail: jax.Array
    created: jax.Array
    bounds: jax.Array | None
    groups: jax.Array | None = None


class Nodes(NamedTuple):
    """The nodes that a pass finds splits of.

    ``number`` [trees, width]: too large a number where there is none.  ``waiting`` [trees]: how many there are.
    """

    number: jax.Array
    waiting: jax.Array


class Children(NamedTuple):
    """The nodes below those of a pass.

    ``child`` [trees, width]: the number of the left one, too large where there is none.
    ``splits`` [trees, width]: true where there are.
    """

    child: jax.Array
    splits: jax.Array


def begin(rule: Rule, size: Size, trees: int, number: jax.Array, columns: Columns) -> Growth:
    """Let the roots of round ``number`` wait, but for trees beyond the last one."""
    first = jnp.zeros(trees, jnp.int32)
    ungrown = rule.trees - number * rule.group
    return Growth(
        level=jnp.zeros((trees, size.nodes), jnp.int32),
        queue=jnp.zeros((trees, size.nodes), jnp.int32),
        head=first,
        tail=((jnp.arange(trees) < ungrown) | (rule.group == 1)).astype(jnp.int32),
        created=first + 1,
        bounds=no_bounds(trees, size.nodes) if columns.bounded else None,
        groups=None if columns.groups is None else jnp.ones((trees, len(columns.groups), size.nodes), bool),
    )


def waiting(growth: Any) -> int:
    """The most nodes that wait in a tree; of a growth of any arrays."""
    return int(np.max(np.asarray(growth.tail) - np.asarray(growth.head)))


def numbers_on_host(growth: Any, tree: int, width: int) -> Array:
    """The numbers of the nodes of a tree that a pass of this width looks at; of a growth of NumPy arrays."""
    head = int(growth.head[tree])
    numbers: Array = growth.queue[tree, head : min(int(growth.tail[tree]), head + width)]
    return numbers


def nodes_of_pass(growth: Growth, width: int) -> Nodes:
    """The nodes that a pass of this width looks at."""
    capacity = growth.queue.shape[1]
    place = growth.head[:, None] + jnp.arange(width)
    number = jnp.take_along_axis(growth.queue, jnp.minimum(place, capacity - 1), axis=1)
    count = jnp.minimum(growth.tail - growth.head, width)
    return Nodes(jnp.where(place < growth.tail[:, None], number, capacity), count)


def bounds_of(growth: Growth, nodes: Nodes) -> jax.Array | None:
    """The bounds of the nodes of a pass, [trees, 2, width]."""
    if growth.bounds is None:
        return None
    place = jnp.minimum(nodes.number, growth.bounds.shape[2] - 1)
    return jnp.take_along_axis(growth.bounds, place[:, None], axis=2)


def allowed_of(growth: Growth, nodes: Nodes, columns: Columns) -> jax.Array | None:
    """The features that may interact with those above the nodes of a pass, bool [trees, width, features]."""
    if growth.groups is None:
        return None
    place = jnp.minimum(nodes.number, growth.groups.shape[2] - 1)
    groups = jnp.take_along_axis(growth.groups, place[:, None], axis=2)  # [trees, groups, width]
    return jnp.any(groups[..., None] & jnp.asarray(columns.groups)[:, None], axis=1)


def children_of(growth: Growth, nodes: Nodes, possible: jax.Array) -> Children:
    """Number the nodes below those that are split, as far as there is room for them.

    ``possible`` [trees, width]: true for those that may be.
    """
    capacity = growth.queue.shape[1]
    is_split = possible & (nodes.number < capacity)
    child = growth.created[:, None] + 2 * (jnp.cumsum(is_split, axis=1) - 1)
    is_split &= child + 1 < capacity
    return Children(jnp.where(is_split, child, capacity), is_split)


def following(
    growth: Growth,
    nodes: Nodes,
    splits: Splits,
    children: Children,
    rule: Rule,
    columns: Columns,
    alike: jax.Array,
) -> Growth:
    """Take the nodes of a pass from the queue, and add those below them that may be split.

    ``alike`` [trees, width, 2]: true for children whose rows no split can tell apart.
    """
    trees, capacity = growth.queue.shape
    tree = jnp.arange(trees)[:, None]
    above = jnp.take_along_axis(growth.level, jnp.minimum(nodes.number, capacity - 1), axis=1)
    both = jnp.stack([children.child, jnp.where(children.splits, children.child + 1, capacity)], axis=-1)
    weight = jnp.moveaxis(splits.weight, 1, -1)  # [trees, width, 2]
    enough = weight >= 2 * rule.terms.least * (1 - _ROUNDING)
    waits = (children.splits & (above + 1 < rule.depth))[..., None] & enough & ~alike
    flat = both.reshape(trees, -1)
    waits = waits.reshape(trees, -1)
    place = growth.tail[:, None] + jnp.cumsum(waits, axis=1) - 1
    bounds = growth.bounds
    if bounds is not None and splits.bounds is not None:
        below = jnp.swapaxes(splits.bounds, 2, 3).reshape(trees, 2, -1)  # [trees, 2, width · 2]
        bounds = bounds.at[tree[..., None], jnp.arange(2)[:, None], flat[:, None]].set(below, mode="drop")
    groups = growth.groups
    if groups is not None:
        number = jnp.minimum(nodes.number, capacity - 1)
        has_feature = jnp.moveaxis(jnp.asarray(columns.groups)[:, jnp.maximum(splits.feature, 0)], 0, 1)
        own = jnp.take_along_axis(groups, number[:, None], axis=2) & has_feature  # [trees, groups, width]
        kinds = jnp.arange(groups.shape[1])[:, None]
        groups = groups.at[tree[..., None], kinds, flat[:, None]].set(jnp.repeat(own, 2, axis=2), mode="drop")
    return Growth(
        level=growth.level.at[tree, flat].set(jnp.repeat(above + 1, 2, axis=1), mode="drop"),
        queue=growth.queue.at[tree, jnp.where(waits, place, capacity)].set(flat, mode="drop"),
        head=growth.head + nodes.waiting,
        tail=growth.tail + jnp.sum(waits, axis=1, dtype=jnp.int32),
        created=growth.created + 2 * jnp.sum(children.splits, axis=1, dtype=jnp.int32),
        bounds=bounds,
        groups=groups,
    )
