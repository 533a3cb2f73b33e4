"""The ``data`` section of a job file: rows, and the meaning of their columns."""

from typing import Annotated, Literal

from msgspec import Meta, field

from yarnml.job.csv import Csv
from yarnml.job.fields import FormatName, Fraction, NonNegative, Number, PositiveInt, Section, Urls
from yarnml.job.follow import Follow
from yarnml.job.prepare import Step

ColumnType = Literal["text", "number", "integer", "boolean", "date", "timestamp"]
ClassWeights = Literal["balanced"] | dict[str, NonNegative]


class AllFeatures(Section, frozen=True, kw_only=True):
    """All columns that have no other role, but for the ``except``ions: names, globs, or types."""

    all: Literal[True]
    exceptions: list[str] = field(name="except", default_factory=list)


class HoldOut(Section, frozen=True, kw_only=True):
    """Training rows to validate on: those ``after`` a value of the column ``by``, or a ``fraction`` of whole groups.

    ``group``: the column whose rows of one value stay together.
    """

    after: str | Number | None = None
    by: str | None = None
    fraction: Fraction | None = None
    group: str | None = None


class Data(Section, frozen=True, kw_only=True):
    """Rows, by what they are read from, and what their columns mean.

    Paths are fsspec URLs: a file, a folder, a glob, or a list of those.

    ``follow``: a folder of files that are learned one batch after the other, after ``train``.
    ``csv``: how text is cut into rows and columns.
    ``features``: names, globs such as ``x_*`` or types such as ``type:number``; or all columns, with exceptions.
    ``version``: of the Delta or Iceberg table ``train``: a number, a time of which it is the newest, or a name.
    ``types``: what columns are read as, whatever the files say.
    ``where``: a condition in SQL's words that rows must fulfil; of those that do, ``sample`` is the part to train with,
    and ``limit`` the most.
    ``prepare``: steps that make numbers of columns, or better ones, before ``scale``; see docs/preparation.md.
    ``label``: the column to predict, or several: numbers, or classes that each label has or has not.
    ``label_scale``: what the learner sees of a number label: itself, mean 0 and variance 1 (``standard``), or so its
    logarithm (``log``); ``auto``: as is best for the learner.
    ``class_weights``: what the weight of a training row is multiplied by, for each class by its text.
    ``offset``: a column that is added to the linear predictor; ``exposure``: one whose logarithm is.
    ``group``: a column whose value is the same for rows that are ranked together, for metrics such as ``ndcg``.
    ``stratify``: the rows of a validation split have the classes in the same shares as the others.
    """

    train: Urls
    test: Urls | None = None
    validation: Fraction | Urls | HoldOut | None = None
    follow: Follow | None = None
    format: FormatName = "auto"
    csv: Csv | None = None
    version: Annotated[int, Meta(ge=0, le=2**63 - 1)] | Annotated[str, Meta(min_length=1)] | None = None
    types: dict[str, ColumnType] = field(default_factory=dict)
    where: Annotated[str, Meta(min_length=1)] | None = None
    sample: Fraction | None = None
    limit: PositiveInt | None = None
    features: Annotated[list[str], Meta(min_length=1)] | Literal["all"] | AllFeatures
    label: str | Annotated[list[str], Meta(min_length=1)] | None = None
    label_type: Literal["auto", "class", "number"] = "auto"
    classes: Annotated[list[str | int | bool], Meta(min_length=1)] | None = None
    weight: str | None = None
    offset: str | None = None
    exposure: str | None = None
    group: str | None = None
    shape: Annotated[list[PositiveInt], Meta(min_length=1)] | None = None
    scale: Literal["auto", "none", "standard"] = "auto"
    label_scale: Literal["auto", "none", "standard", "log"] = "auto"
    prepare: list[Step] = field(default_factory=list)
    class_weights: ClassWeights | None = None
    stratify: bool = False

    @property
    def labels(self) -> list[str]:
        """The columns to predict; none for a learner without."""
        return [self.label] if isinstance(self.label, str) else self.label or []

    @property
    def stratum(self) -> str | None:
        """The label whose classes a part of the rows shall have in the same shares; None for any."""
        return self.labels[0] if self.stratify else None

    @property
    def has_only_keys(self) -> bool:
        """True where every feature becomes keys, as far as no patterns name them: then no numbers are left."""
        keys = {name for step in self.prepare if step.kind == "key" for name in step.columns}
        return isinstance(self.features, list) and keys.issuperset(self.features)
