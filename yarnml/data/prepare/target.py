"""The mean label of the training rows that have a value: one number for categories of any number.

A training row gets the mean of rows in other folds than its own (Micci-Barreca, 2001, and scikit-learn's
``TargetEncoder``), any other row that of all training rows.
"""

from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from yarnml.data.arrays import Matrix
from yarnml.data.lookup import places, whole
from yarnml.data.prepare import numeric, valued
from yarnml.data.prepare.findings import Finding
from yarnml.data.prepare.labels import LabelSums, TrainingRows, fraction, label_sums
from yarnml.job.prepare import Target

needs = valued.needs
gives = valued.gives
find = numeric.find_nothing

Means = npt.NDArray[np.float64]


def names(step: Target, column: str) -> list[str]:
    classes = step.classes or []
    return [f"{column} by {name}" for name in classes] if len(classes) > 2 else [column]


def find_by_label(step: Target, column: pa.Array, rows: TrainingRows, where: str) -> Finding:
    return label_sums(whole(column, where), rows, step.folds, step.max_values)


def learn(step: Target, finding: Finding, where: str) -> Target:
    sums = valued.counted(finding, LabelSums, where)
    valued.check_number(sums, step, where)
    ordered = sorted(sums.sums)
    cells = [sums.cells(parts) for _, parts in ordered]
    by_fold = [_means(_added(cells, fold), sums, step.smooth) for fold in [None, *range(step.folds)]]
    return msgspec.structs.replace(
        step,
        values=[value for value, _ in ordered],
        edges=by_fold[0],
        fold_edges=by_fold[1:],
        classes=sums.classes,
    )


def apply(step: Target, column: pa.Array, where: str) -> Matrix:
    means = _table(step, step.edges or [])
    return _looked_up(step, column, means[None], np.zeros(len(column), np.int64), where)


def apply_to_training_rows(step: Target, column: pa.Array, rows: TrainingRows, where: str) -> Matrix:
    means = np.stack([_table(step, edges) for edges in step.fold_edges or []])
    return _looked_up(step, column, means, rows.folds(step.folds), where)


def _looked_up(step: Target, column: pa.Array, means: Means, folds: npt.NDArray[np.int64], where: str) -> Matrix:
    """[rows, outputs]: of ``means`` [folds, values + 1, outputs] those of each row's fold and value; null is NaN."""
    column = whole(column, where)
    place = places(column, step.values or []).fill_null(-1).to_numpy(zero_copy_only=False)
    is_null = column.is_null().to_numpy(zero_copy_only=False)
    return np.where(is_null[:, None], np.nan, means[folds, place]).astype(np.float32)


def _table(step: Target, edges: list[float]) -> Means:
    """[values + 1, outputs]."""
    return np.array(edges, np.float64).reshape(len(step.values or []) + 1, -1)


def _added(cells: list[list[list[int]]], left_out: int | None) -> list[list[int]]:
    """The sums of every value over all folds but one."""
    kept = [[cell for fold, cell in enumerate(folds) if fold != left_out] for folds in cells]
    return [[sum(column) for column in zip(*folds, strict=True)] for folds in kept]


def _means(sums: list[list[int]], finding: LabelSums, smooth: float | Literal["auto"]) -> list[float]:
    """The smoothed mean of every value, value by value, and behind them that of all rows."""
    total = [sum(column) for column in zip(*sums, strict=True)]
    if not finding.classes:
        counts, means, spreads = _of_numbers([*sums, total])
        return (finding.centre + _smoothed(counts, means, spreads, smooth)).reshape(-1).tolist()
    rows = np.array([*sums, total], np.float64)
    counts = rows.sum(axis=1, keepdims=True)
    ones = rows if rows.shape[1] > 2 else rows[:, 1:]
    means = ones / np.maximum(counts, 1)
    return _smoothed(counts, means, ones * (1 - means), smooth).reshape(-1).tolist()


def _of_numbers(sums: list[list[int]]) -> tuple[Means, Means, Means]:
    """Rows, mean and sum of squared distances from the mean, [values, 1] each; rounded once."""
    facts = []
    for rows, total, squares in sums:
        mean = fraction(total) / max(rows, 1)
        spread = fraction(squares) - fraction(total) * mean  # squares are rounded, so it may be a trifle below 0
        facts.append((float(rows), float(mean), max(float(spread), 0.0)))
    counts, means, spreads = np.array(facts).T[:, :, None]
    return counts, means, spreads


def _smoothed(counts: Means, means: Means, spreads: Means, smooth: float | Literal["auto"]) -> Means:
    """[values + 1, outputs]: means of values drawn to the mean of all rows, the last of each.

    ``auto``: an empirical Bayes estimate, which weighs the variance among all rows against that among a value's.
    """
    overall = means[-1]
    if smooth == "auto":
        variance = spreads[-1] / max(counts[-1, 0], 1) * counts
        within = spreads / np.maximum(counts, 1)
        own = np.divide(variance, variance + within, out=np.zeros_like(means), where=variance + within > 0)
    else:
        own = np.divide(counts, counts + smooth, out=np.zeros_like(counts), where=counts + smooth > 0)
    result: Means = own * means + (1 - own) * overall
    result[-1] = overall
    return result
