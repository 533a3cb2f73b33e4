"""Steps of ``data.prepare`` that make a fixed count of numbers of lists of any length."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, field

from yarnml.job.fields import Number
from yarnml.job.step import BaseStep, Width

Pooling = Literal["mean", "sum", "min", "max", "count"]


class Pad(BaseStep, frozen=True, kw_only=True, tag="pad"):
    """The first or the last ``length`` numbers of a list; ``fill`` behind shorter ones, and for nulls and NaN in it."""

    TAKES_LISTS: ClassVar[bool] = True

    length: Width
    keep: Literal["first", "last"] = "first"
    fill: Number = 0.0


class Pool(BaseStep, frozen=True, kw_only=True, tag="pool"):
    """Statistics of the numbers in a list; nulls and NaN are none of them.

    ``fill``: the mean, the least and the greatest of no numbers.
    """

    TAKES_LISTS: ClassVar[bool] = True

    by: Annotated[list[Pooling], Meta(min_length=1)] = field(default_factory=lambda: ["mean"])
    fill: Number = 0.0
