"""Learners with nothing set but the columns: on real data, beside the defaults of other libraries, by held-out loss.

Every data set is cut in two at random, several times; each program learns from the first part, as it comes, and is
judged on the second.  Losses are those of docs/learners.md, see `benchmarks.default_losses`.  ``best`` is the best
setting that we know, of ours and of theirs.
"""

import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.default_cases import Case, cases
from benchmarks.default_losses import LOSSES, Array, Table
from benchmarks.default_tables import tables
from benchmarks.measure import align

TOLERANCE = 1.05
"""The loss of a default, as a multiple of the other library's, beyond which it is worse."""
TRAINED = 0.7
"""The share of the rows that are learnt from."""


def main(splits: int = 3, only: str = "") -> None:
    """Defaults of learners on real data, beside those of other libraries, by the loss on rows that are held out."""
    print(f"defaults: mean loss on held-out rows, {splits} random splits; the ratio is ours / theirs, both by default")
    lines = [["", "", "ours", "our best", "theirs", "their best", "ratio"]]
    worse = []
    for case in cases():
        kind = case.ours[0].get("objective", case.ours[0]["kind"])
        if only and only not in (kind, case.table):
            continue
        losses = np.mean([judged(case, seed) for seed in range(splits)], axis=0)
        ratio = losses[0] / losses[2]
        name = f"{kind} on {case.table}"
        worse += [name] if ratio > TOLERANCE else []
        lines.append([case.table, kind, *(f"{loss:.4g}" for loss in losses), f"{ratio:.2f}"])
    align(lines)
    print("more than 5 % worse than the other library's default:", "; ".join(worse) or "none")


def judged(case: Case, seed: int) -> list[float]:
    """The losses of our default, our best, theirs and their best, on one split."""
    table = tables()[case.table]()
    taught, held = halves(table, seed)
    default, best = case.ours
    outputs = [predictions(taught, held, default, case.data)]
    scaled = case.data | {"scale": "standard"}
    outputs += [outputs[0] if best == default else predictions(taught, held, best, scaled)]
    for make in case.peers:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outputs.append(make().fit(taught).outputs(held.x))
    return [LOSSES[table.loss](held, o) for o in outputs]


def halves(table: Table, seed: int) -> tuple[Table, Table]:
    """The rows to learn from, and the others; of a series those that come later, without a label in common.

    Groups stay whole.
    """
    if table.group is not None:
        groups = np.random.default_rng(seed).permutation(np.unique(table.group))
        is_taught = np.isin(table.group, groups[: int(TRAINED * len(groups))])
        return table.at(np.flatnonzero(is_taught)), table.at(np.flatnonzero(~is_taught))
    order = np.arange(len(table.y)) if table.overlap else np.random.default_rng(seed).permutation(len(table.y))
    first, second = np.split(order, [int(TRAINED * len(order))])
    return table.at(first), table.at(second[table.overlap :])


def predictions(taught: Table, held: Table, learner: dict[str, Any], data: dict[str, Any]) -> Array:
    """Outputs for the held-out rows of a job with nothing but columns and a learner."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    import yarnml

    names = [f"f{j}" for j in range(taught.x.shape[1])]
    several = np.atleast_2d(taught.y.T)
    labels = [f"y{j}" for j in range(len(several))] if taught.y.ndim > 1 else ["y"]
    label_type = {"label_type": "number"} if taught.is_number else {}
    with tempfile.TemporaryDirectory() as folder:
        columns = {name: taught.x[:, j] for j, name in enumerate(names)}
        columns |= dict(zip(labels, several, strict=True))
        columns |= {} if taught.group is None else {"group": taught.group}
        roles = {} if taught.group is None else {"group": "group"}
        pq.write_table(pa.table(columns), f"{folder}/train.parquet")
        job = {
            "name": "defaults",
            "data": {
                "train": f"{folder}/train.parquet",
                "features": names,
                "label": labels,
                **label_type,
                **roles,
                **data,
            },
            "learner": learner,
            "checkpoint": {"path": f"{folder}/job", "every": "1000000 epochs"},
            "export": f"{folder}/models",
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the threads of a JAX that was loaded before
            outcome = yarnml.run(job, "inline")
        rows = pa.table({name: held.x[:, j] for j, name in enumerate(names)})
        outputs = np.asarray(yarnml.load_model(str(Path(str(outcome.export)))).outputs(rows))
    return 2 * outputs[:, 1] - 1 if taught.loss == "hinge" else outputs
