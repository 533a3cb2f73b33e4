"""How rounds of trees make a model."""

from typing import Any, NamedTuple

import numpy.typing as npt


class Terms(NamedTuple):
    """What a split must fulfil: ``l2``; ``least`` sum of second derivatives on each side; ``gain`` above this one."""

    l2: float
    least: float
    gain: float


class Columns(NamedTuple):
    """By feature: whether it is ``categorical``, and in ``trend`` 1 or -1 where predictions must not fall or rise."""

    categorical: npt.NDArray[Any]
    trend: npt.NDArray[Any]

    @property
    def bounded(self) -> bool:
        """Whether there are leaves that are not free."""
        return bool(self.trend.any())


class Rule(NamedTuple):
    """``rounds`` of trees of ``depth`` levels, on at most ``bins`` bins of every feature.

    ``average``: every round is grown on its own, and the model is the mean of them; else each is grown on what the
    ones before leave, and counts ``rate``.  ``drawn``: how often a row is drawn in a round, on average: by chance as
    often as a Poisson number with ``again``, else once or not at all.  ``subset``: features that a node may use.
    """

    rounds: int
    depth: int
    bins: int
    terms: Terms
    average: bool = False
    rate: float = 1.0
    drawn: float = 1.0
    again: bool = False
    subset: int | None = None

    @property
    def levels(self) -> int:
        """Of all rounds."""
        return self.rounds * self.depth
