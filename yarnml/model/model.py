"""A trained model, loaded: predicts from tables or arrays without the code that trained it."""

import math
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any

import jax
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from yarnml.data.arrays import to_float32
from yarnml.data.keys import KeyRows, no_keys
from yarnml.data.nested import with_named_parts
from yarnml.data.offsets import all_offsets, distances
from yarnml.data.rows import check_finite, features_of, keys_of, offset_of
from yarnml.data.schema import names_of_columns
from yarnml.data.shapes import columns_of
from yarnml.data.tables import array_of, columns_of_rows, table_of
from yarnml.data.types import in_types
from yarnml.errors import DataError, ExportError
from yarnml.events.events import Outcome
from yarnml.job import paths
from yarnml.model.coefficients import coefficients
from yarnml.model.explain.baseline import known_baseline
from yarnml.model.explain.explainer import USUAL_ORDERS, Explainer, Explanation
from yarnml.model.importances import importances
from yarnml.model.program import load_program
from yarnml.model.recommender import recommended
from yarnml.model.scores import check_scored, labels_of, probabilities, score
from yarnml.model.signatures import check, public_key
from yarnml.model.table import TablePredictor
from yarnml.model.versions import Content, read_model, readable, resolve
from yarnml.storage import absolute

_MAX_ROWS_PER_CALL = 65536


class Model:
    """One version of an exported model.  It can be pickled, and needs its folder no more.

    ``folder``: where it is stored; empty where it is not.
    ``about``: its model.json: learner, metrics, data, packages, job.
    ``outcome``: of the training, where `yarnml.fit` made it in this process.
    """

    def __init__(self, folder: str, content: Content | None = None, outcome: Outcome | None = None) -> None:
        self.folder = folder
        self.outcome = outcome
        self._content = content or read_model(folder)
        arrays, program, self.schema, self.about, table = self._content
        with readable(folder):
            self._arrays = {name: jax.numpy.asarray(a) for name, a in arrays.items()}
            width = self.schema.row_width
            self._offsets = np.pad(all_offsets(self.schema), (0, width - self.schema.width))
            self._call = load_program(program)
            self._table = TablePredictor(self._call, self._arrays, table) if self.schema.keyed else None
            if self._table:
                self._table.check(width, fields=self.schema.fields)
                return
            row = jax.ShapeDtypeStruct((1, width), jax.numpy.float32)
            jax.eval_shape(self._call, self._arrays, row)  # the program is for these arrays, and for rows of this width

    def predict(self, data: Any) -> npt.NDArray[Any]:
        """Return one prediction per row, [rows]: the class, in the label's own type, the number, or the cluster.

        Where there is nothing to choose from, such as the coordinates of ``pca``, the outputs themselves.  Of several
        labels [rows, labels].

        ``data`` is a table with the feature columns (of pyarrow, or of any library that speaks Arrow's C interface), a
        mapping of columns, or an array [rows, width] (or [rows, *shape]) of the features in the job file's order.  A
        model with ``data.offset`` or ``data.exposure`` needs that column, too: in an array it is the last one.
        """
        outputs = self.outputs(data)
        return np.asarray(self.schema.classes)[self.schema.choose(outputs)] if self.schema.classes else outputs

    def outputs(self, data: Any) -> npt.NDArray[np.float32]:
        """Return the learner's own predictions, see docs/learners.md: [rows, classes], [rows], or [rows, …]."""
        x, keys = self._features(data)
        starts = range(0, max(len(x), 1), _MAX_ROWS_PER_CALL)
        ends = [(low, low + _MAX_ROWS_PER_CALL) for low in starts]
        parts = [(x[low:high], keys.slice(low, high) if keys else None) for low, high in ends]
        return np.concatenate([self.call(part, power_of_two(len(part)), own) for part, own in parts])

    def call(self, x: npt.NDArray[np.float32], rows: int, keys: KeyRows | None = None) -> npt.NDArray[np.float32]:
        """Call the program on prepared features, filled up to ``rows`` rows: one size is compiled once.

        ``keys``: of these rows, for a model with a table.
        """
        full = x
        if len(x) != rows:
            full = np.zeros((rows, self.schema.row_width), np.float32)
            full[: len(x)] = x
        if self._table:
            of_rows = keys or no_keys(len(x), with_fields=self.schema.fields)
            outputs = self._table.predict(full, of_rows.padded(rows))[: len(x)]
        else:
            outputs = np.asarray(self._call(self._arrays, full))[: len(x)]
        return self.schema.calibration.apply(outputs) if self.schema.calibration else outputs

    @property
    def digest(self) -> str:
        """The digest of model.json, which holds those of the other files; empty for a model that is not stored."""
        return str(self.about.get("digests", {}).get(paths.ABOUT, ""))

    def predict_proba(self, data: Any) -> npt.NDArray[np.float32]:
        """Return the probability of each class for every row, [rows, classes], in the order of ``schema.classes``.

        Of several labels [rows, labels]: that of the second class of each.

        Raises ExportError for a model that has none.
        """
        return self.probabilities(self.outputs(data))

    def probabilities(self, outputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return these `outputs`, if they are probabilities of classes; raises ExportError where they are not."""
        return probabilities(outputs, self.schema, self.about["learner"]["kind"])

    def score(self, data: Any, label: Any = None, weight: Any = None) -> float:
        """Return the accuracy of a model of classes, R² of one of numbers, on the rows of ``data``.

        Of several labels the share of rows that are right in all of them, or the mean of R².
        ``label``: one for each row, or a table or an array [rows, labels]; None for the columns of ``data`` that have
        the labels' names.
        ``weight``: of each row; None for 1.
        Raises ExportError for a model without a label, and for one whose predictions are not to be compared with it.
        """
        check_scored(self.about["learner"])
        given = columns_of_rows(label, "score", "label") if label is not None else None
        return score(self.outputs(data), given or labels_of(table_of(data, "score"), self.schema), weight, self.schema)

    def coefficients(self, confidence: float = 0.95) -> pa.Table:
        """Tabulate a linear model in the units of its data, see `yarnml.model.coefficients`.

        Columns: feature, (class,) coefficient, standard_error, statistic, p_value, lower, upper, left_out; null where
        the model has no errors.  Raises ExportError for other models.
        """
        return coefficients(self._arrays, self.schema, confidence)

    def importances(self) -> pa.Table:
        """Tabulate the features of a model of trees, the most important first: feature, gain, splits.

        ``gain`` is a share of all gain, ``splits`` a number.

        Raises ExportError for other models.
        """
        return importances(self._arrays, self.schema)

    @property
    def content(self) -> Content:
        """The content of its files."""
        return self._content

    @property
    def arrays(self) -> dict[str, jax.Array]:
        """Its parameters and its scaling, by name."""
        return self._arrays

    def explain(self, data: Any, orders: int = USUAL_ORDERS) -> Explanation:
        """Return how much each feature adds to each output of the rows of ``data``, by SHAP values.

        Exact for trees and linear models, whose scores before the link are explained, such as log-odds; for others the
        mean over ``orders`` drawn orders of the features.  Linear and other models are explained against the training
        rows' means where features are scaled, else against the means of ``data``.
        """
        x, _ = self._features(data)
        baseline = known_baseline(self.arrays)
        if baseline is None:
            baseline = x[:, : self.schema.width].mean(axis=0, dtype=np.float64).astype(np.float32)
        return Explainer(self, baseline, orders).explain(x)

    def recommend(self, users: Any = None, top: int = 10, without: Any = None, items: Any = None) -> pa.Table:
        """Tabulate the ``top`` best items of each user, the best first: user, item, score, rank.

        ``users``: of a model of ratings their ids, as in the training data, None for all who have ratings.  Of two
        towers a table with the columns of the query, and ``items`` one with those of the item.
        ``without``: a table with the columns of user and item, whose pairs are left out.
        Raises ExportError for other models.
        """
        return recommended(self._content, users, items, top, without)

    def _features(self, data: Any) -> tuple[npt.NDArray[np.float32], KeyRows | None]:
        """The numbers of rows, and their keys."""
        table = table_of(data, "predict")
        if table is not None:
            if len(table):
                table = with_named_parts(
                    table, names_of_columns(self.schema.features), [f.name for f in self.schema.keyed]
                )
                table = in_types(table, self.schema.types, "the table")
                return features_of(table, self.schema, "the table"), keys_of(table, self.schema, "the table")
            offset_name = [self.schema.offset.name] if self.schema.offset else []
            columns_of(table, [*names_of_columns(self.schema.features), *offset_name], "the table")
            return self._none, None
        if self.schema.keyed:
            name = self.schema.keyed[0].name
            raise DataError(f"predict needs a table, since keys are made of column '{name}', not an array of numbers.")
        x = array_of(data, "predict")
        width = math.prod(x.shape[1:])
        features = self.schema.width
        offset = self.schema.offset
        if x.ndim < 2 or width != self.schema.row_width:
            last = f" and, behind them, column '{offset.name}'" if offset else ""
            raise DataError(f"predict needs an array of {features} features{last} per row, got shape {list(x.shape)}.")
        x = x.reshape(len(x), width)
        counted = distances(x, self._offsets) if self._offsets.any() else to_float32(x)
        check_finite(counted[:, :features], self.schema, "the array")
        if offset is None:
            return counted, None
        return np.column_stack([counted[:, :features], offset_of(counted[:, features], offset, "the array")]), None

    @property
    def _none(self) -> npt.NDArray[np.float32]:
        """The features of no rows, whose columns may have no types either."""
        return np.empty((0, self.schema.row_width), np.float32)

    def __reduce__(self) -> tuple[Any, ...]:
        return Model, (self.folder, self._content, self.outcome)

    def __repr__(self) -> str:
        place = repr(self.folder) if self.folder else "in memory"
        return f"Model({place}, {self.about['learner']['kind']}, metrics={self.about['metrics']})"


def power_of_two(rows: int) -> int:
    """The least power of two of at least so many rows: with it few sizes are compiled."""
    return 1 << max(rows - 1, 0).bit_length()


def load_model(path: str | PathLike[str], trusted_keys: Iterable[str | PathLike[str]] | None = None) -> Model:
    """Load ``<export>/<version>``, the newest version of ``<export>``, or that of an alias, ``<export>@production``.

    Digests are checked.  ``trusted_keys``: files of public keys (PEM, Ed25519), of which one must have signed it.

    A model is code: load only what you trust.

    Raises ExportError for a folder that holds no model, or a torn one, or one that nobody has signed who is trusted.
    """
    try:
        url = absolute(str(path), Path.cwd())
    except ValueError as exc:
        raise ExportError(f"There is no model at {path}: {exc}") from exc
    folder = resolve(url)
    content = read_model(folder)
    if trusted_keys is not None:
        check(folder, content.about["digests"][paths.ABOUT], [public_key(Path(key)) for key in trusted_keys])
    return Model(folder, content)
