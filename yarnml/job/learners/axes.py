"""The axes of a learner's parameters along which a warm start may add to them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class ParameterAxes(NamedTuple):
    """Axes by the end of the array's name; none: what they are about must be as it was.

    ``numbers``: by the numbers of a row.  ``words``: by the ids of words.  ``classes``: by the classes.
    """

    numbers: Mapping[str, int] = {}
    words: Mapping[str, int] = {}
    classes: Mapping[str, int] = {}


def classes_of_dense(hidden: Sequence[int], folder: str = "") -> dict[str, int]:
    """The axes by class of dense layers whose hidden ones have these widths; ``folder``: the start of their names."""
    last = f"{folder}{len(hidden)}"
    return {f"{last}/weight": 1, f"{last}/bias": 0}
