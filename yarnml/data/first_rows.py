"""Facts that the first rows of the training data tell: lengths of lists, offsets of features, a centre of labels."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec.structs import replace

from yarnml.data.arrays import Array, numeric, one_array, to_float32
from yarnml.data.base import Dataset
from yarnml.data.dataset import read_head
from yarnml.data.offsets import HEAD_ROWS, Choice, finite_of, median, needs_offset, offsets_of
from yarnml.data.schema import Schema
from yarnml.data.shapes import columns_of, single
from yarnml.errors import DataError
from yarnml.job.learners import LearnerOptions

MAX_ROUNDING = 1e-3
"""Of the deviation of a label: more may not be lost where it becomes float32."""


def with_widths(schema: Schema, dataset: Dataset, stored: pa.Schema) -> Schema:
    """Fill in the width of variable-length list columns from the first row; later rows must agree."""
    names = [f.name for f in schema.features if not f.width and not f.steps]
    if not names:
        return schema
    table, url = read_head(dataset, pa.schema([stored.field(name) for name in names]), 1)
    widths = {}
    for name, column in zip(names, columns_of(table, names, url), strict=True):
        widths[name] = pc.list_value_length(one_array(column)[:1])[0].as_py()
        if not widths[name]:
            raise DataError(f"{url}: the first row of column '{name}' holds no list of numbers.")
    return replace(schema, features=tuple(replace(f, width=widths.get(f.name, f.width)) for f in schema.features))


def first_labels(schema: Schema, dataset: Dataset, stored: pa.Schema) -> dict[str, Array]:
    """The finite values of each label in the first rows, ascending, in float64; none where labels are no numbers."""
    names = schema.labels
    if schema.label_type != "number":
        return {}
    table, url = read_head(dataset, pa.schema([stored.field(name) for name in names]), HEAD_ROWS)
    columns = zip(names, columns_of(table, names, url), strict=True)
    return {name: finite_of(numeric(single(c.drop_null(), name, url), name, url)) for name, c in columns}


def facts_of(labels: Mapping[str, Array], learner: LearnerOptions) -> dict[str, Any]:
    """The ``centre`` and the ``prior`` of a schema, by the `first_labels`.

    The centre is the median, of several labels one for each; 0 where there are none.  The prior is the mean of each
    label, for a learner that begins there.
    """
    centres = tuple(median(to_float32(y)) for y in labels.values())
    means = tuple(float(y.mean()) for y in labels.values() if len(y))
    has_prior = learner.STARTS_AT_MEAN and len(means) == len(centres) and all(mean > 0 for mean in means)
    return {
        "centre": centres if len(centres) > 1 else next(iter(centres), 0.0),
        "prior": means if has_prior else (),
    }


def label_remark(name: str, y: Array) -> list[str]:
    """Tell of a number label that loses digits which matter, in one sentence; judged by the `first_labels`."""
    rounded = to_float32(y).astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):  # numbers beyond float32 have another error of their own
        loses_nothing = not len(y) or y[0] == y[-1] or np.abs(y - rounded).max() <= MAX_ROUNDING * y.std()
    if loses_nothing:
        return []
    return [
        f"label '{name}' loses digits, since labels are float32, which rounds {y[-1]:.15g} to {rounded[-1]:.15g}; "
        f"subtract a constant such as {median(y):.15g} from it"
    ]


def without_offsets(schema: Schema) -> Schema:
    """The schema for features that are counted from 0."""
    return replace(schema, features=tuple(replace(f, offsets=()) for f in schema.features))


def with_offsets(
    schema: Schema, dataset: Dataset, stored: pa.Schema, choose: Choice = median, codes: Collection[str] = ()
) -> Schema:
    """Fill in the offsets of the features, from the first rows of the training data that have a weight.

    ``codes``: features whose numbers stay as they are.
    """
    chosen = [f for f in schema.features if needs_offset(f) and f.name not in codes]
    if not chosen:
        return schema
    names = [f.name for f in chosen] + ([schema.weight] if schema.weight else [])
    table, url = read_head(dataset, pa.schema([stored.field(name) for name in dict.fromkeys(names)]), HEAD_ROWS)
    if schema.weight:
        (column,) = columns_of(table, [schema.weight], url)
        counts = numeric(single(column, schema.weight, url), schema.weight, url) > 0
        table = table.filter(pa.array(counts)) if counts.any() else table
    offsets = offsets_of(table, chosen, url, choose)
    return replace(schema, features=tuple(replace(f, offsets=offsets.get(f.name, ())) for f in schema.features))
