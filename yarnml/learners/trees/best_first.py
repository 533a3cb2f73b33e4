"""Growth leaf by leaf: of all nodes the one is split whose split gains most, until a tree has its number of leaves.

(Shi, "Best-first Decision Tree Learning", 2007; Ke et al., "LightGBM", NIPS 2017.)  A pass for each split would be
slow, and is not needed: a pass finds the splits of all nodes below those that would be split by what is known so far.
More that is known only puts others behind, so what is left out once never comes back; and when no node is left to look
at, the choice is that of one split after another.
"""

from heapq import heappop, heappush

import numpy as np

from yarnml.data.arrays import Array
from yarnml.learners.trees.growth import Nodes
from yarnml.learners.trees.model import Model
from yarnml.learners.trees.splits import Splits


def chosen(model: Model, nodes: Nodes, splits: Splits, leaves: int) -> Array:
    """The nodes of the newest round's trees that are split, of those whose splits are known: bool [trees, nodes].

    ``nodes``, ``splits``: of this pass, which the model does not have yet.
    """
    gain = model.gain[model.rounds].copy()
    gain[nodes.tree, nodes.number] = splits.gain
    return np.array([_chosen(*tree, leaves - 1) for tree in zip(gain, model.child[model.rounds], strict=True)])


def prune(model: Model, chosen: Array) -> None:
    """Take the splits that better ones have put behind out of the model's newest round, which is grown."""
    model.feature[model.rounds][~chosen] = -1


def _chosen(gain: Array, child: Array, splits: int) -> Array:
    """The nodes that are split one after another; ``child`` [nodes]: the left one below, 0 for none."""
    is_split = np.zeros(len(gain), bool)
    leaves = [(-float(gain[0]), 0)]
    for _ in range(splits):
        worth, node = heappop(leaves) if leaves else (0.0, 0)
        if worth >= 0:
            break
        is_split[node] = True
        if left := int(child[node]):
            for below in (left, left + 1):
                heappush(leaves, (-float(gain[below]), below))
    return is_split
