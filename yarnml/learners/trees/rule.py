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
    """

    categorical: Array
    trend: Array

    @property
    def bounded(self) -> bool:
        """True where a trend bounds some leaves."""
        return bool(self.trend.any())


class Rule(NamedTuple):
    """The rule of ``rounds`` of trees of ``depth`` levels, on at most ``bins`` bins of every feature.

    ``average``: every round is grown on its own, and the model is the mean of them; else each is grown on what the
    ones before leave, and counts ``learning_rate``.
    ``sampling_rate``: how often a row is drawn in a round, on average.
    ``with_replacement``: a row is drawn as often as a Poisson number says; else once or not at all.
    ``features_per_node``: drawn for each node, which may split on no other; None for all.
    """

    rounds: int
    depth: int
    bins: int
    terms: Terms
    average: bool = False
    learning_rate: float = 1.0
    sampling_rate: float = 1.0
    with_replacement: bool = False
    features_per_node: int | None = None

    @property
    def levels(self) -> int:
        """The number of levels of all rounds together."""
        return self.rounds * self.depth
