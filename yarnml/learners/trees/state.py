"""The state of a training of trees between two passes, the sums of a pass, and what is kept of a shard."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.learners.base import Key
from yarnml.learners.trees import categories, growth, quantiles, sketch
from yarnml.learners.trees.growth import Growth
from yarnml.learners.trees.model import NODES, Model
from yarnml.learners.trees.objectives import Objective
from yarnml.learners.trees.progress import Progress
from yarnml.learners.trees.quantiles import Selection
from yarnml.learners.trees.rule import Columns, Rule, Size
from yarnml.learners.trees.shard import Data
from yarnml.learners.trees.table import CONSTANTS


class State(NamedTuple):
    """The state between two passes, of NumPy's arrays.

    ``passes``: made so far.
    ``cells`` [features, cells + 1] and ``edges`` [features, bins]: see `sketch`.
    ``exact`` [features]: true where every value has a bin of its own.
    ``mean`` [targets]: of the objective's targets.
    ``bin`` [rounds, trees, nodes]: the bin whose edge is the model's threshold.
    ``selection``: what is known of the quantiles of leaves, where an objective has such; before the first tree, of the
    labels.
    ``start`` []: rounds that are of an earlier model, which this one goes on from.
    ``table`` [1 + CONSTANTS, places]: all rows, see `table`, where the objective is among them.
    ``is_gathered`` []: whether it has the scores of this round.
    """

    passes: Any
    seed: Any
    cells: Any
    edges: Any
    exact: Any
    mean: Any
    bin: Any
    growth: Growth
    model: Model
    start: Any
    selection: Selection | None = None
    table: Any = None
    is_gathered: Any = None


class Sums(NamedTuple):
    """Sums over the rows of a shard.  Arrays that a pass has no use for are empty.

    ``targets`` [targets], ``sketch`` [features, cells]: in the passes that find the bins.
    ``categories`` [categorical features, categories, 1 + scores]: see `categories.counts`; in the first pass.
    ``digits`` [2, nodes, values]: of errors, see `quantiles.counts`; before the first tree of labels, in nodes 0.
    ``distance`` [0 or scores]: of the labels from the base, added up; in a pass that counts no digits.
    ``table`` [fields, places]: the part of the table of all rows, see `table`, that a pass puts together.
    ``histograms`` [nodes, features, bins + 1, channels]: of the nodes of a pass, those of the first tree first, as in
    `Level.sums`.
    """

    weight: Any
    loss: Any
    targets: Any
    sketch: Any
    categories: Any
    digits: Any
    distance: Any
    table: Any
    histograms: Any


class Shard(NamedTuple):
    """The state that is kept of a shard: its rows, and how far they have come; None before the first tree."""

    data: Data
    progress: Progress | None


def first_state(objective: Objective, rule: Rule, columns: Columns, size: Size, rows: int, key: Key) -> State:
    """The state before the first pass, in JAX's arrays; ``rows``: places in the table of all rows, 0 without one."""
    features = len(columns.categorical)
    coded = int(columns.categorical.sum())
    trees = objective.trees * rule.group
    mean = np.full(objective.targets_count, objective.guess, np.float32)
    by_node = rule.rounds, trees, size.nodes
    model = Model(
        base=jnp.asarray(objective.base(mean), jnp.float32),
        rounds=jnp.zeros((), jnp.int32),
        share=jnp.ones(()),
        feature=jnp.full(by_node, -1, jnp.int32),
        threshold=jnp.zeros(by_node),
        left=jnp.zeros(by_node, bool),
        categories=jnp.zeros((*by_node, categories.word_count(rule.bins)), jnp.uint32) if coded else None,
        table=jnp.full((coded, categories.MAX_CATEGORIES), rule.bins, jnp.uint8) if coded else None,
        child=jnp.zeros(by_node, jnp.int32),
        leaf=jnp.zeros((*by_node, objective.outputs)),
        gain=jnp.zeros(by_node),
        cover=jnp.zeros(by_node),
    )
    return State(
        passes=jnp.zeros((), jnp.int32),
        seed=jax.random.bits(key, (), jnp.uint32),
        cells=sketch.first_cells(features, rule.bins),
        edges=jnp.full((features, rule.bins), sketch.LARGEST, jnp.float32),
        exact=jnp.zeros(features, bool),
        mean=jnp.asarray(mean),
        bin=jnp.zeros(by_node, jnp.int32),
        growth=growth.begin(rule, size, trees, 0, columns, jnp),
        model=model,
        start=jnp.zeros((), jnp.int32),
        selection=None if objective.shares is None else quantiles.begin(trees * size.nodes, jnp),
        table=jnp.zeros((1 + CONSTANTS, rows)) if rows else None,
        is_gathered=jnp.zeros((), bool) if rows else None,
    )


def state_without_room(state: State) -> State:
    """The state up to the newest round, with arrays that end behind the nodes of the largest tree.

    Where these are most of the room, it stays: a model that is full as usual has the form that was foreseen.
    """
    rounds = min(int(state.model.rounds) + 1, len(state.bin))
    room = state.bin.shape[2]
    used = max(int(np.max(state.model.child[:rounds])) + 2, int(np.max(state.growth.created)))
    nodes = used if 4 * used < 3 * room else room
    if nodes == room and rounds == len(state.bin):
        return state

    def cut(array: Any) -> Any:
        return array if array is None else np.ascontiguousarray(array[..., :nodes])

    by_node = state.model._asdict()
    for name in NODES:
        if by_node[name] is not None:
            by_node[name] = np.ascontiguousarray(by_node[name][:rounds, :, :nodes])
    grown = state.growth
    return state._replace(
        bin=cut(state.bin[:rounds]),
        model=Model(**by_node),
        growth=grown._replace(
            level=cut(grown.level),
            queue=cut(grown.queue),
            bounds=cut(grown.bounds),
            groups=cut(grown.groups),
        ),
    )
