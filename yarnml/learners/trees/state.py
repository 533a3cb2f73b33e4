"""The state of a training of trees between two passes, the sums of a pass, and what is kept of a shard."""

from typing import Any, NamedTuple

import jax

from yarnml.learners.trees.growth import Growth
from yarnml.learners.trees.model import Model
from yarnml.learners.trees.progress import Progress
from yarnml.learners.trees.shard import Data


class State(NamedTuple):
    """The state between two passes.

    ``passes``: made so far.
    ``cells`` [features, cells + 1] and ``edges`` [features, bins]: see `sketch`.
    ``exact`` [features]: true where every value has a bin of its own.
    ``mean`` [targets]: of the objective's targets.
    ``bin`` [rounds, trees, nodes]: the bin whose edge is the model's threshold.
    """

    passes: jax.Array
    seed: jax.Array
    cells: jax.Array
    edges: jax.Array
    exact: jax.Array
    mean: jax.Array
    bin: jax.Array
    growth: Growth
    model: Model


class Sums(NamedTuple):
    """Sums over the rows of a shard.  Arrays that a pass has no use for are empty.

    ``targets`` [targets], ``sketch`` [features, cells]: in the passes that find the bins.
    ``categories`` [categorical features, categories, 1 + scores]: see `categories.counts`; in the first pass.
    ``histograms`` [trees, channels, nodes, features, bins + 1]: of the nodes of a pass, in the form of `Level.sums`.
    """

    weight: Any
    loss: Any
    targets: Any
    sketch: Any
    categories: Any
    histograms: Any


class Shard(NamedTuple):
    """The state that is kept of a shard: its rows, and how far they have come; None before the first tree."""

    data: Data
    progress: Progress | None
