"""The tables and the page of an explanation, written beside the values of the rows."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from yarnml import storage
from yarnml.data.formats import parquet
from yarnml.data.output_columns import names_of_outputs
from yarnml.data.schema import Schema
from yarnml.errors import HistoryError
from yarnml.job.metrics import rises
from yarnml.master.scoring_plan import ScoringPlan
from yarnml.model.explain.columns import groups_of
from yarnml.watch.explanation import Effects, page

Array = npt.NDArray[Any]

FACTS = "explanation.json"


class Values(NamedTuple):
    """The numbers of an explanation, as the workers report them.

    ``metric``: of the importances; None for rows without labels.  ``effects``: see `yarnml.worker.feature_effects`.
    ``rows``: ``size`` [features, outputs] and ``base`` [outputs], of the SHAP values of all rows.
    """

    method: str
    metric: str | None
    repeats: int
    effects: Mapping[str, Array]
    rows: Mapping[str, Array]

    def costs(self, schema: Schema) -> dict[str, Array]:
        """[repeats]: by how much the metric gets worse where a column is permuted; the largest mean first."""
        if self.metric is None:
            return {}
        whole = self.effects["metric"]
        worse = (whole[1:] - whole[0]).reshape(-1, self.repeats) * (-1 if rises(self.metric) else 1)
        named = zip([group.name for group in groups_of(schema)], worse, strict=True)
        return dict(sorted(named, key=lambda pair: -pair[1].mean()))

    def importances(self, schema: Schema) -> dict[str, float]:
        """The mean cost of each column."""
        return {name: float(cost.mean()) for name, cost in self.costs(schema).items()}

    def sizes(self, schema: Schema) -> dict[str, float]:
        """The mean size of the values of each feature, added up over the outputs; the largest first."""
        sizes = zip(schema.names, self.rows["size"].sum(axis=1).tolist(), strict=True)
        return dict(sorted(sizes, key=lambda pair: -pair[1]))


def write(folder: str, plan: ScoringPlan, values: Values, settings: Mapping[str, Any]) -> str:
    """Write all but the values of the rows; a sentence where there can be no page, else empty.

    ``settings``: of the job, which decide the numbers.
    """
    for name, table in _tables(plan.schema, values).items():
        storage.write(storage.join(folder, f"{name}.parquet"), parquet.encode(table, compression="zstd"))
    facts = {
        "model": plan.folder,
        "digest": plan.digest,
        "data": plan.dataset.fingerprint,
        "rows": plan.dataset.rows,
        "method": values.method,
        "base_values": values.rows["base"].tolist(),
        "metric": values.metric,
        "metric_of_rows": float(values.effects["metric"][0]) if values.metric else None,
        "importances": values.importances(plan.schema),
        "sizes": values.sizes(plan.schema),
        "settings": settings,
    }
    storage.write(storage.join(folder, FACTS), msgspec.json.format(msgspec.json.encode(facts)))
    shown = [(name, str(facts[name])) for name in ("model", "rows", "method", "metric", "metric_of_rows")]
    effects = Effects(
        plan.schema.names,
        _outputs(plan.schema, values),
        str(values.metric),
        values.rows["size"],
        values.importances(plan.schema),
        values.effects["grid"],
        values.effects["dependence"],
        values.effects["curves"],
    )
    try:
        storage.write(storage.join(folder, "index.html"), page(plan.folder, shown, effects).encode())
    except HistoryError as exc:  # the libraries of pages are an option
        return f"no page: {exc}"
    return ""


def _tables(schema: Schema, values: Values) -> dict[str, pa.Table]:
    names = np.array(schema.names)
    grid = values.effects["grid"]
    curves = values.effects["curves"]  # [features, values, rows, outputs]
    by_value = np.repeat(names, grid.shape[1])
    size = values.rows["size"]
    tables = {
        "features": pa.table({"feature": names, "mean_size": size.sum(axis=1), "by_output": size.tolist()}),
        "dependence": pa.table(
            {
                "feature": by_value,
                "value": grid.reshape(-1),
                "output": values.effects["dependence"].reshape(grid.size, -1).tolist(),
            }
        ),
        "curves": pa.table(
            {
                "feature": np.repeat(by_value, curves.shape[2]),
                "value": np.repeat(grid.reshape(-1), curves.shape[2]),
                "row": np.tile(np.arange(curves.shape[2]), grid.size),
                "output": curves.reshape(-1, curves.shape[3]).tolist(),
            }
        ),
    }
    if costs := values.costs(schema):
        tables["importances"] = pa.table(
            {
                "column": [*costs],
                "importance": [float(cost.mean()) for cost in costs.values()],
                "deviation": [float(cost.std()) for cost in costs.values()],
            }
        )
    return tables


def _outputs(schema: Schema, values: Values) -> list[str]:
    """A name for each of the model's outputs."""
    count = values.effects["dependence"].shape[2]
    names = [*names_of_outputs(schema)]
    return names if len(names) == count else ["output"] if count == 1 else [str(k) for k in range(count)]
