"""The meaning of the columns to a learner: features, label, weight."""

from collections.abc import Iterable
from functools import cached_property
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec import Struct, field

from yarnml.data.arrays import Array
from yarnml.data.calibration import Calibration
from yarnml.data.keys import KeyRows
from yarnml.data.prepare.base import kind_of, lacks
from yarnml.job.prepare import Key, Step
from yarnml.job.spec import ClassWeights


class Feature(Struct, frozen=True, array_like=True):
    """One column: ``width`` 1 for a number, k for a list of k numbers or for what ``steps`` make of the column.

    The width is 0 while it is not known yet.

    ``offsets``: from which its numbers are counted, see `yarnml.data.offsets`; none: from 0.
    """

    name: str
    width: int
    steps: tuple[Step, ...] = ()
    offsets: tuple[float, ...] = ()

    @property
    def columns(self) -> list[str]:
        """The stored columns that it is made of: one of its own name, or several that a step joins."""
        return self.steps[0].columns if self.is_joint else [self.name]

    @property
    def is_joint(self) -> bool:
        """True where a step joins several columns to this feature."""
        return bool(self.steps) and self.steps[0].JOINS

    @property
    def names(self) -> list[str]:
        """A name for each number that the column becomes."""
        if self.steps:
            return kind_of(self.steps[-1]).names(self.steps[-1], self.name)
        return [self.name] if self.width == 1 else [f"{self.name}[{k}]" for k in range(self.width)]

    @property
    def ids(self) -> int:
        """The number of ids, where each of its numbers is an id; 0 where they are quantities."""
        return self.steps[-1].ids if self.steps else 0

    @property
    def is_keyed(self) -> bool:
        """True where the column becomes keys, and none of the numbers of a row."""
        return bool(self.steps) and isinstance(self.steps[-1], Key)

    @property
    def takes_dictionary(self) -> bool:
        """True where keys are made of the column as it is stored, so that each different text is hashed once."""
        return self.is_keyed and len(self.steps) == 1


class Offset(Struct, frozen=True, array_like=True):
    """A column that is added to a model's linear predictor with coefficient 1; of an exposure its logarithm."""

    name: str
    is_exposure: bool = False


class Schema(Struct, frozen=True, dict=True):
    """The columns of a job.

    ``label``: several are a tuple; None for a learner without.
    ``label_type``: of each label; ``text`` without one where the pieces of the feature, a text, are predicted.
    ``classes``: sorted; empty for a number label, and None until they are surveyed.  Without a label they are the
    numbers of the clusters, or empty for a learner that finds none.  Of several labels each has the same two.
    ``shape``: of a row's features, where they are an image or another array.
    ``class_weights``: in the order of the classes; as in the job file until the classes and their counts are known.
    ``missing``: whether nulls among the features become NaN, instead of being refused.
    ``finite``: whether NaN and infinity among the features are refused, of NaN all but what is missing.
    ``centre``: a number label of the training data, from which labels are counted where their squares are added up;
    of several labels one for each.
    ``label_scale``: what the learner sees of a number label, see `yarnml.data.label_scaling`.
    ``guessed``: whether the training data do not say what is text, so that text may be numbers, as in CSV.
    ``rows``: the most rows that there are to train on; 0: not known.
    ``group``: the column that tells apart the groups of rows whose order metrics are about.
    ``offset``: what is added to the learner's linear predictor; None for nothing.
    ``types``: of ``data.types``, in which columns are read whatever their files say.
    ``calibration``: what makes the probabilities of classes the shares in which they are true; None for nothing.
    ``threshold``: the probability from which on the second of two classes is predicted; None for the more probable.
    ``fields``: whether the learner sees which column each key is of.
    ``prior``: the share of each class in the training rows, label by label, never 0; empty where it was not counted.
    For a learner of amounts the mean of each label, by the first rows.
    ``quantiles``: the shares of several quantiles of the label that are predicted side by side; empty for one number.
    """

    features: tuple[Feature, ...]
    label: str | tuple[str, ...] | None
    label_type: Literal["class", "number", "none", "text"]
    classes: tuple[str | int | float | bool, ...] | None = None
    weight: str | None = None
    shape: tuple[int, ...] | None = None
    class_weights: tuple[float, ...] | ClassWeights | None = None
    missing: bool = False
    finite: bool = False
    centre: float | tuple[float, ...] = 0.0
    label_scale: Literal["none", "standard", "log"] = "none"
    guessed: bool = False
    rows: int = 0
    group: str | None = None
    offset: Offset | None = None
    types: dict[str, str] = field(default_factory=dict)
    threshold: float | None = None
    fields: bool = False
    calibration: Calibration | None = None
    prior: tuple[float, ...] = ()
    quantiles: tuple[float, ...] = ()

    @property
    def names(self) -> list[str]:
        """A name for each number of a row's features."""
        return [name for f in self.features for name in f.names]

    @cached_property
    def width(self) -> int:
        """Numbers in one row's features."""
        return sum(f.width for f in self.features)

    @property
    def row_width(self) -> int:
        """Numbers in one row as it is stored and given to a learner: its features, and behind them the offset."""
        return self.width + (self.offset is not None)

    @cached_property
    def numbers(self) -> list[Feature]:
        """The features that become the numbers of a row."""
        return [f for f in self.features if not f.is_keyed]

    @cached_property
    def keyed(self) -> list[Feature]:
        """The features that become its keys."""
        return [f for f in self.features if f.is_keyed]

    @property
    def sees_labels(self) -> bool:
        """True where rows to train on become other numbers than the same rows in a prediction."""
        return any(step.SEES_LABEL for feature in self.features for step in feature.steps)

    @property
    def key_bits(self) -> int:
        """The bits that every key has; 64 where there are none."""
        steps = [feature.steps[-1] for feature in self.keyed]
        return next((step.bits for step in steps if isinstance(step, Key)), 64)

    @property
    def outputs(self) -> int:
        """The number of classes, or of clusters; 0 for a number label."""
        return len(self.classes or ())

    @property
    def labels(self) -> tuple[str, ...]:
        """The columns to predict; none for a learner without."""
        return (self.label,) if isinstance(self.label, str) else self.label or ()

    @property
    def label_shape(self) -> tuple[int, ...]:
        """The shape of a row's labels: () for one, (n,) for several."""
        return (len(self.label),) if isinstance(self.label, tuple) else ()

    @property
    def task(self) -> Literal["class", "number", "quantiles", "multilabel", "multioutput", "none", "text"]:
        """The prediction to learn: a class, a number or quantiles of it, several of two classes, or several numbers."""
        if self.quantiles:
            return "quantiles"
        if not self.label_shape or self.label_type == "none":
            return self.label_type
        return "multilabel" if self.label_type == "class" else "multioutput"

    def choose(self, outputs: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """[rows]: the place of the class that a model predicts by its outputs [rows, classes].

        Of several labels: [rows, labels], by the probabilities of the second class [rows, labels].
        """
        if self.task == "multilabel":
            return (outputs >= 0.5).astype(np.int64)
        if self.threshold is None:
            return np.argmax(outputs, axis=-1)
        return (outputs[:, 1] >= self.threshold).astype(np.int64)


class Rows(NamedTuple):
    """x: float32 [rows, row_width]; y: int32 class numbers or float32 [rows]; weight: float32 [rows].

    Of several labels y is [rows, labels], without a label it is 0.
    Where the schema has an offset it is the last number of x.
    ``keys``: None where no column becomes keys.
    ``prepared``: what a learner's program has made of them ahead of their step, in a form of its own.
    """

    x: npt.NDArray[np.float32]
    y: Array
    weight: npt.NDArray[np.float32]
    keys: KeyRows | None = None
    prepared: Any = None

    @classmethod
    def of(cls, arrays: Iterable[Array], keys: KeyRows | None) -> "Rows":
        """Rows of `arrays` and keys."""
        x, y, weight = arrays
        return cls(x, y, weight, keys)

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for array in self if array is not None)

    @property
    def arrays(self) -> tuple[Array, Array, Array]:
        """All but the keys."""
        return self.x, self.y, self.weight

    def between(self, low: int, high: int) -> "Rows":
        """The rows ``low`` … ``high`` - 1, as far as there are such; views."""
        keys = self.keys.slice(low, high) if self.keys else None
        return Rows.of((a[low:high] for a in self.arrays), keys)


def names_of_columns(features: Iterable[Feature]) -> list[str]:
    """The stored columns that features are made of, each once, in order."""
    return list(dict.fromkeys(name for feature in features for name in feature.columns))


def columns(schema: Schema, stored: pa.Schema) -> pa.Schema:
    """The stored columns to read."""
    offset = schema.offset.name if schema.offset else None
    names = dict.fromkeys([*names_of_columns(schema.features), *schema.labels, schema.weight, schema.group, offset])
    return pa.schema([stored.field(name) for name in names if name is not None])


def prepared(feature: Feature) -> Feature:
    """A feature with steps, and the width that it has once they have learnt everything."""
    is_complete = not any(map(lacks, feature.steps))
    return msgspec.structs.replace(feature, width=len(feature.names) if is_complete else 0)
