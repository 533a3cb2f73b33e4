"""A learner with random rows that it can learn from, and its functions compiled."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import numpy as np

from tests.learners.kinds import TOKENS
from yarnml.data.scaling import Scaling
from yarnml.data.schema import Rows, Schema
from yarnml.job.learners import Als, Factorization, Gamma, NaiveBayes, NegativeBinomial, Options, Poisson
from yarnml.learners.base import Batch, Learner, ShardLearner, updates_on_host
from yarnml.learners.named_arrays import copied_to_host
from yarnml.learners.precision import compile_for
from yarnml.learners.registry import build_learner
from yarnml.worker.program import Program

ROWS = 24


@dataclass
class Case:
    """A learner, its columns and ``ROWS`` rows; ``by_batch``: what a row adds depends on the rows beside it."""

    learner: Learner
    schema: Schema
    rows: Rows
    by_batch: bool = False

    def __post_init__(self) -> None:
        by_shard = isinstance(self.learner, ShardLearner)
        self.map = self._map_whole if by_shard else compile_for(self.learner, self.learner.map)
        self.init = compile_for(self.learner, self.learner.init)
        self.update = (
            self._update_copy if updates_on_host(self.learner) else compile_for(self.learner, self.learner.update)
        )

    @cached_property
    def scaling(self) -> Scaling:
        """A scaling that changes every feature."""
        random = np.random.default_rng(0)
        return Scaling(*(random.uniform(0.5, 1.5, self.schema.width).astype(np.float32) for _ in range(2)))

    @cached_property
    def program(self) -> Program:
        """The learner as compiled functions."""
        return Program(self.learner, self.schema)

    def prepare_shard(self, state: Any, batch: Batch) -> Any:
        """Prepare a shard of one batch, without the rows of weight 0: a loader gives none of them."""
        return self.learner.prepare_shard(state, [Batch(*(a[batch.weight > 0] for a in batch))])

    def _map_whole(self, state: Any, batch: Batch) -> Any:
        on_host = jax.tree.map(np.asarray, state)
        sums, _ = self.learner.map_shard(on_host, self.prepare_shard(on_host, batch))
        return jax.tree.map(np.float32, sums)

    def _update_copy(self, state: Any, sums: Any) -> Any:
        """Update a copy of the state, which an update on the host uses up."""
        return self.learner.update(copied_to_host(state), jax.tree.map(np.float64, sums))

    @property
    def batch(self) -> Batch:
        x = self.rows.x.reshape(-1, *(self.schema.shape or (self.schema.row_width,)))
        return Batch(x, self.rows.y, self.rows.weight)

    def state(self) -> Any:
        state = self.init(jax.random.key(7))
        return copied_to_host(state) if updates_on_host(self.learner) else state


def build_case(options: Options, columns: Schema) -> Case:
    """A learner of these options with random rows, of values that its kind can take."""
    random = np.random.default_rng(3)
    n = ROWS
    classes = columns.label_type == "class"
    form = (n, *columns.label_shape)
    y = random.integers(columns.outputs, size=form) if classes else random.normal(size=form)
    y = np.exp(y) if isinstance(options, Poisson | NegativeBinomial | Gamma | Als | Factorization) else y
    x = random.normal(size=(n, columns.row_width)).astype(np.float32)
    if isinstance(options, NaiveBayes):
        x = np.abs(x) * (1 + np.eye(columns.outputs, columns.width, dtype=np.float32)[y])
    if isinstance(options, Factorization | Als):
        x = random.integers((options.users, options.items), size=(n, 2)).astype(np.float32)
    if any(feature.ids for feature in columns.features):
        x = random.integers(TOKENS.ids, size=x.shape).astype(np.float32)
    weight = random.uniform(0.5, 2.0, n).astype(np.float32)
    rows = Rows(x, y.astype(np.int32 if classes else np.float32), weight)
    return Case(build_learner(options, columns), columns, rows, getattr(options, "normalization", "none") == "batch")
