"""The rule by which rounds of trees make a model."""

from typing import NamedTuple

from yarnml.data.arrays import Array


class Terms(NamedTuple):
    """Conditions on a split.

    ``l2``: the penalty of the leaves, l2/2 · Σ leaf².
    ``least``: the least sum of second derivatives on each side.
    ``gain``: a split must lower the loss by more than this.
    """

    l2: float
    least: float
    gain: float


class Columns(NamedTuple):
    """Facts about the features, by column.

    ``categorical``: true where the numbers stand for categories.
    ``trend``: 1 or -1 where predictions must not fall or must not rise with the values, else 0.
    ``groups`` [groups, features]: true for the members of each group that may interact; None where all may.
    """

    categorical: Array
    trend: Array
    groups: Array | None = None

    @property
    def bounded(self) -> bool:
        """True where a trend bounds some leaves."""
        return bool(self.trend.any())


class Rule(NamedTuple):
    """The rule of ``rounds`` of trees, on at most ``bins`` bins of every feature.

    ``depth``: the most levels of a tree.  ``passes``: those of each round; None: as many as its trees take.
    ``average``: every tree is grown on its own, and the model is the mean of ``trees`` of them, of which each round
    grows ``group`` side by side; else a round is grown on what the ones before leave, and counts ``learning_rate``.
    ``sampling_rate``: how often a row is drawn for a round, or for each tree of a group, on average.
    ``with_replacement``: a row is drawn as often as a Poisson number says; else once or not at all.
    ``features_per_node``: drawn for each node, which may split on no other; None for all.
    ``leaves``: of a tree, whose best nodes are split first; None for all that ``depth`` allows.
    ``random_places``: of every feature a node looks at one place to split at, drawn between its rows.
    """

    trees: int
    depth: int
    bins: int
    terms: Terms
    passes: int | None
    average: bool = False
    group: int = 1
    learning_rate: float = 1.0
    sampling_rate: float = 1.0
    with_replacement: bool = False
    features_per_node: int | None = None
    leaves: int | None = None
    random_places: bool = False

    @property
    def rounds(self) -> int:
        """Rounds of trees."""
        return -(-self.trees // self.group)


class Size(NamedTuple):
    """Bounds on the nodes of one tree: ``nodes`` in all, and ``width`` that one pass looks for splits of."""

    nodes: int
    width: int
