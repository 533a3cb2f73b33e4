"""Steps of ``data.prepare`` that see more than one column's values: the label, or other columns."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from yarnml.job.fields import NonNegative, PositiveInt
from yarnml.job.step import BaseStep, Class, Width


class Target(BaseStep, frozen=True, kw_only=True, tag="target"):
    """The mean label of the training rows that have the value; of classes the share of each, of two that of the second.

    ``smooth``: how many rows of the mean of all are added to a value's own; ``auto``: as the variances tell.
    ``folds``: parts of the training rows.  A training row gets the mean of the rows in other parts than its own, so
    that it does not see its own label.
    ``values``, ``edges``: the values and their means, learnt; at most ``max_values``.  A value has a mean for each of
    ``classes``, or one; behind those of all values are the means of all rows, for an unknown one.
    ``fold_edges``: by part, the same of all rows outside of it.
    """

    SEES_LABEL: ClassVar[bool] = True

    smooth: NonNegative | Literal["auto"] = "auto"
    folds: Annotated[int, Meta(ge=2, le=100)] = 5
    max_values: PositiveInt = 10_000
    values: list[Class] | None = None
    edges: list[float] | None = None
    fold_edges: list[list[float]] | None = None
    classes: list[str] | None = None


class Cross(BaseStep, frozen=True, kw_only=True, tag="cross"):
    """``width`` numbers, of which the one is 1 that the hash of the values of all ``columns`` of a row chooses."""

    JOINS: ClassVar[bool] = True

    columns: Annotated[list[str], Meta(min_length=2, max_length=8)]
    width: Width
