"""Number labels that float32 does not hold."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import yarnml

X = np.random.default_rng(0).normal(size=200)


def trained(write_table: Callable[..., Path], y: Any) -> list[str]:
    """The remarks of a linear model of this label."""
    path = write_table("train.parquet", x=X, y=y)
    job = {
        "name": "label",
        "data": {"train": str(path), "features": ["x"], "label": "y", "label_type": "number"},
        "learner": {"kind": "linear", "solver": "normal"},
        "checkpoint": {"path": str(path.parent / "job")},
    }
    return yarnml.run(job, backend="inline", restart=True).remarks


@pytest.mark.parametrize("y", [1e7 + X, 1_700_000_000 + np.arange(200)], ids=["far from 0", "epoch seconds"])
def test_a_label_that_loses_digits_is_told(write_table: Callable[..., Path], y: Any) -> None:
    """One note names the label, what float32 makes of it, and what to subtract."""
    (remark,) = trained(write_table, y)
    assert remark.startswith("label 'y' loses digits, since labels are float32, which rounds")
    constant = float(remark.partition("such as ")[2].partition(" from")[0])
    assert trained(write_table, y - constant) == []


def test_other_labels_are_not_remarked_upon(write_table: Callable[..., Path]) -> None:
    """Nor are roundings that are small beside the deviation."""
    for y in (1e9 * X, X, np.full(200, 0.1)):
        assert trained(write_table, y) == []
