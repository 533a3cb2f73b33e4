"""Generalised linear models fitted to scikit-learn's data by full passes, as a job does it."""

from typing import Any

import jax
import numpy as np
from sklearn import datasets

from yarnml.data.scaling import moments, standard
from yarnml.data.schema import Feature, Rows, Schema
from yarnml.data.shards import part
from yarnml.job.learners import Gamma, Huber, Linear, Poisson
from yarnml.learners.precision import compile_for
from yarnml.learners.registry import build_learner
from yarnml.worker.program import Program

DIABETES = datasets.load_diabetes(return_X_y=True, scaled=False)
CANCER = datasets.load_breast_cancer(return_X_y=True)
WINE = datasets.load_wine(return_X_y=True)


class Fit:
    """A learner on standardised columns, driven as the mapper drives it: float32 sums by shard, added in float64."""

    def __init__(self, options: Any, data: tuple[Any, Any], weight: Any = None, shards: int = 2) -> None:
        x, y = data
        classes = () if isinstance(options, Linear | Poisson | Gamma | Huber) else tuple(range(int(y.max()) + 1))
        self.schema = Schema((Feature("x", x.shape[1]),), "y", "class" if classes else "number", classes)
        weight = np.ones(len(y)) if weight is None else weight
        kind = np.int32 if classes else np.float32
        self.rows = Rows(x.astype(np.float32), y.astype(kind), weight.astype(np.float32))
        self.learner = build_learner(options, self.schema)
        self.program = Program(self.learner, self.schema)
        self.scaling = standard(moments(self.rows), self.schema)
        self.state = compile_for(self.learner, self.learner.init)(jax.random.key(0))
        self._parts = [
            Rows(*(a[np.s_[slice(*part(len(y), shards, s))]] for a in self.rows.arrays)) for s in range(shards)
        ]
        self.losses: list[float] = []

    def passes(self, count: int) -> "Fit":
        for _ in range(count):
            total = sum(self.program.map(self.state, self.scaling, rows).astype(np.float64) for rows in self._parts)
            self.state, scores = self.program.update(self.state, total)
            self.losses.append(float(scores.loss / scores.weight))
        return self

    @property
    def arrays(self) -> dict[str, Any]:
        return self.program.tensors(self.state, self.scaling)

    @property
    def weight(self) -> Any:
        return self.arrays["parameters/weight"]

    @property
    def bias(self) -> Any:
        return self.arrays["parameters/bias"]
