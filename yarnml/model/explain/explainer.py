"""The SHAP values of a model's rows: exact for trees and linear models, drawn for all others."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from yarnml.data.output_columns import names_of_outputs
from yarnml.model.explain import sampled
from yarnml.model.explain.baseline import check_explainable
from yarnml.model.explain.trees import Trees

if TYPE_CHECKING:
    from yarnml.model.model import Model

Array = npt.NDArray[Any]

USUAL_ORDERS = 8
ROWS_PER_CALL = 4096


class Explanation(NamedTuple):
    """The parts of features in a model's outputs.

    ``values`` float64 [rows, features, outputs]: in each row they add up to the output less ``base_values`` [outputs].
    ``method``: ``trees``, ``linear`` or ``sampled``; the first two explain scores before the link, such as log-odds.
    """

    values: Array
    base_values: Array
    feature_names: list[str]
    output_names: list[str]
    method: str

    def table(self) -> pa.Table:
        """A column for each feature: numbers where there is one output, else lists of one for each."""
        return pa.table({n: _column(self.values[:, k]) for k, n in enumerate(self.feature_names)})


class Explainer:
    """Explains rows of prepared features by one model; the same bits for a row, whatever rows are beside it.

    ``baseline`` [features]: what a feature is before it is known, for linear and other models; not for trees.
    ``orders``: how many are drawn where a model is no trees and not linear.
    Raises ExportError for a model with keys.
    """

    def __init__(self, model: "Model", baseline: Array | None, orders: int = USUAL_ORDERS) -> None:
        check_explainable(model.schema)
        self._model = model
        self._orders = orders
        self._width = model.schema.width
        self._trees = _explainable_trees(model)
        self._slopes = None if self._trees else _slopes_of(model)
        self.method = "trees" if self._trees else "sampled" if self._slopes is None else "linear"
        self._baseline = baseline

    def explain(self, x: Array) -> Explanation:
        """The values of rows x float32 [rows, row_width]."""
        parts = [self._part(x[low : low + ROWS_PER_CALL]) for low in range(0, max(len(x), 1), ROWS_PER_CALL)]
        values = np.concatenate([values for values, _ in parts])
        names = self._output_names(values.shape[2])
        return Explanation(values, parts[0][1], self._model.schema.names, names, self.method)

    def _part(self, x: Array) -> tuple[Array, Array]:
        if self._trees:
            return self._trees.explained(x)
        assert self._baseline is not None
        if self._slopes is None:
            return sampled.explained(self._call, x, self._baseline, self._width, self._orders)
        slopes, intercepts = self._slopes
        baseline = self._baseline.astype(np.float64)
        values = (x[:, : self._width].astype(np.float64) - baseline)[:, :, None] * slopes
        return values, intercepts + (baseline[:, None] * slopes).sum(axis=0)

    def _call(self, x: Array) -> Array:
        outputs = self._model.call(x, ROWS_PER_CALL)
        return outputs.reshape(len(x), -1)

    def _output_names(self, count: int) -> list[str]:
        """A name for each output: classes, the second of two where they have one score, or numbers."""
        names = [*names_of_outputs(self._model.schema)]
        if count == 1:
            return [names[-1] if len(names) == 2 else "prediction"]
        return names if len(names) == count else [str(k) for k in range(count)]


def _explainable_trees(model: "Model") -> Trees | None:
    if "parameters/gain" not in model.arrays or "parameters/rounds" not in model.arrays:
        return None
    trees = trees_of(model)
    return trees if trees.has_covers else None


def trees_of(model: "Model") -> Trees:
    """The trees of a model that has some."""
    learner = model.about["learner"]
    owners = [feature.name for feature in model.schema.features for _ in range(feature.width)]
    categorical = np.array([name in learner["categorical"] for name in owners])
    return Trees(model.arrays, categorical, learner["bins"])


def _slopes_of(model: "Model") -> tuple[Array, Array] | None:
    """[features, outputs] and [outputs]: coefficients and intercepts for features as rows hold them; None without."""
    a = {name: np.asarray(array, np.float64) for name, array in model.arrays.items()}
    weight = a.get("parameters/weight", np.empty(0))
    bias = a.get("parameters/bias", np.empty(0))
    if weight.shape[:1] != (model.schema.width,) or bias.shape != weight.shape[1:] or model.schema.offset:
        return None
    unit = a.get("scaling/label/factor", np.ones(()))
    slopes = (a["scaling/factor"] * weight.T).T.reshape(model.schema.width, -1) / unit
    intercepts = bias.reshape(-1) / unit - a["scaling/mean"] @ slopes + a.get("scaling/label/mean", np.zeros(()))
    return slopes, intercepts


def _column(values: Array) -> pa.Array:
    """Numbers, or lists of one length: [rows, outputs]."""
    if values.shape[1] == 1:
        return pa.array(values[:, 0])
    flat = pa.array(np.ascontiguousarray(values).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, values.shape[1]).cast(pa.list_(pa.float64()))
