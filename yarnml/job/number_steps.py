"""Steps of ``data.prepare`` that make better numbers of numbers, and numbers of dates."""

from typing import Annotated, Literal

from msgspec import Meta, field

from yarnml.job.fields import Number
from yarnml.job.step import BaseStep

Share = Annotated[float, Meta(ge=0, le=1)]
DatePart = Literal[
    "year", "quarter", "month", "week", "day", "day_of_year", "weekday", "hour", "minute", "second", "weekend"
]


class Log(BaseStep, frozen=True, kw_only=True, tag="log"):
    """The natural logarithm of the value and ``plus``."""

    plus: Number = 1.0


class Clip(BaseStep, frozen=True, kw_only=True, tag="clip"):
    """The value, but none beyond two ``edges``: given ones, or the training rows' ``quantiles`` at these shares."""

    quantiles: Annotated[list[Share], Meta(min_length=2, max_length=2)] = field(default_factory=lambda: [0.01, 0.99])
    edges: Annotated[list[float], Meta(min_length=2, max_length=2)] | None = None


class MinMax(BaseStep, frozen=True, kw_only=True, tag="min_max"):
    """The value's place between the least and the greatest of the training rows, 0 to 1.  ``edges``: these two."""

    edges: Annotated[list[float], Meta(min_length=2, max_length=2)] | None = None


class Robust(BaseStep, frozen=True, kw_only=True, tag="robust"):
    """The distance from the median, in distances between the first and the third quartile.

    ``edges``: the three of the training rows.
    """

    edges: Annotated[list[float], Meta(min_length=3, max_length=3)] | None = None


class QuantileShare(BaseStep, frozen=True, kw_only=True, tag="quantile"):
    """The share of the training rows below the value, or the number with this share below it in a normal distribution.

    ``quantiles``: how many are kept, between which shares are interpolated.  ``edges``: these.
    """

    to: Literal["uniform", "normal"] = "uniform"
    quantiles: Annotated[int, Meta(ge=2, le=10_000)] = 1000
    edges: list[float] | None = None


class Polynomial(BaseStep, frozen=True, kw_only=True, tag="polynomial"):
    """The value and its powers up to ``degree``, a number for each."""

    degree: Annotated[int, Meta(ge=2, le=10)] = 2


class Datetime(BaseStep, frozen=True, kw_only=True, tag="datetime"):
    """Numbers of dates and instants: their ``parts``, in UTC.

    ``cyclic``: a part that comes again becomes sine and cosine of its place in its circle.
    ``since``: one more number, the days since this date.
    ``format``: of text, as for strptime; ISO 8601 without it.
    """

    parts: list[DatePart] = field(default_factory=lambda: ["year", "month", "day", "weekday"])
    cyclic: bool = False
    since: str | None = None
    format: str | None = None
