"""The learner protocol: map → sum → update.

Everything trained here is a sum over rows followed by an update (Chu et al., "Map-Reduce for Machine Learning on
Multicore", NIPS 2006).  A learner is a few pure functions; state is passed in and returned, never kept.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp

State = Any
"""A pytree of arrays: all that a learner knows after a step, the model and what the next update needs."""
Sums = Any
"""A pytree of arrays that are sums over rows."""
ShardState = Any
"""A pytree of NumPy arrays: all that a worker keeps of a shard between two passes over it."""
Key = jax.Array
"""A key of JAX's random numbers."""


class Batch(NamedTuple):
    """Some rows, as a learner gets them.

    ``x``: float32 [rows, *shape]; [rows, row_width] where the schema has an offset, see `split_offset`.
    ``y``: int32 class numbers or float32 [rows], of several labels [rows, labels]; 0 without a label.
    ``weight``: float32 [rows], 0 for padding.
    """

    x: Any
    y: Any
    weight: Any


class PlacedBatch(NamedTuple):
    """A `Batch` for a learner that `NeedsPlaces`.

    ``place`` int64 [rows]: the number of each row in the dataset.
    ``group`` float64 [rows]: a number for each group of rows, above 0; 1 where the data has none.
    """

    x: Any
    y: Any
    weight: Any
    place: Any
    group: Any


class Scores(NamedTuple):
    """The result of an update, beside the next state.

    ``loss``: summed over rows of total ``weight``.
    ``done``: true when further updates change nothing.
    """

    loss: jax.Array
    weight: jax.Array
    done: jax.Array | bool = False


Check = Callable[[Batch], None]


@runtime_checkable
class ChecksRows(Protocol):
    """A learner that can't take every row.

    ``check``: gets rows as NumPy arrays before they are mapped or evaluated, and raises DataError; None: takes all.
    """

    check: Check | None


@runtime_checkable
class Remarks(Protocol):
    """A learner that knows what a user should be told of a model, such as columns that it could not use."""

    def remarks(self, state: State, features: list[str], factor: Any) -> list[str]:
        """Sentences about the model of a state, of NumPy arrays; none of a model as it should be.

        ``features``: a name for each number of a row.  ``factor`` [width]: of the scaling, 0 for a constant column.
        """


@runtime_checkable
class ChangingSums(Protocol):
    """A shard learner whose sums have another form in some passes, as the state decides.

    ``update`` is compiled for each, so there should be few.
    """

    def form_of_sums(self, state: State) -> Any:
        """The sums of the next pass, a `jax.ShapeDtypeStruct` for each array; of arrays of NumPy's or JAX's."""


@runtime_checkable
class UpdatesOnHost(Protocol):
    """A shard learner whose ``update`` runs on the host, too, where ``updates_on_host``.

    It gets NumPy arrays and the sums in float64.  The state is used up: the next one may be written into its arrays.
    """

    updates_on_host: bool


class Judged(NamedTuple):
    """Training rows as a learner judges them itself: ``outputs`` as of `predict`, and a number of each row."""

    outputs: Any
    loss: Any
    y: Any
    weight: Any


@runtime_checkable
class JudgesOutOfBag(Protocol):
    """A shard learner that can judge each training row by what was learnt without it."""

    def out_of_bag(self, state: State, shard: ShardState) -> Judged:
        """Judge the rows of a shard; of weight 0 are those of which all was learnt."""


@runtime_checkable
class NeedsPlaces(Protocol):
    """A shard learner that gets each `PlacedBatch`, where ``needs_places``."""

    needs_places: bool


@runtime_checkable
class NewerArrays(Protocol):
    """A learner with arrays in its state that checkpoints of earlier versions lack: there they are as they begin."""

    newer_arrays: tuple[str, ...]


@runtime_checkable
class TakesPrior(Protocol):
    """A learner whose ``init`` takes the prior of the classes too, if ``takes_prior``; see `yarnml.learners.prior`."""

    takes_prior: bool


@runtime_checkable
class HidesScaling(Protocol):
    """A learner that works on scaled features, whatever the job says, with penalties that do not show it."""

    def with_units(self, state: State, factor: Any) -> State:
        """The first state, where features were multiplied by ``factor`` [width] though the job did not ask for it."""


class LearnerBase(Protocol):
    """The functions that all learners have; they are pure and are compiled by JAX, but for those of `UpdatesOnHost`."""

    def init(self, key: Key) -> State:
        """The state before the first step."""

    def update(self, state: State, sums: Sums) -> tuple[State, Scores]:
        """The next state, given the sums over the rows of all shards."""

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        """Predictions: [rows, classes] for a class label, probabilities in our models; [rows] for a number label.

        Of several labels: [rows, labels], of classes the probability of the second.  Without a label: [rows, clusters],
        of which the largest is the row's cluster, or any [rows, …].
        """

    def loss(self, parameters: Any, batch: Batch) -> jax.Array:
        """The loss of every row, [rows]."""

    def parameters(self, state: State) -> Any:
        """The part of the state that is the model."""


class BatchLearner(LearnerBase, Protocol):
    """A learner that sees one batch at a time.  ``map`` is pure and compiled by JAX, as the rest."""

    def map(self, state: State, batch: Batch) -> Sums:
        """Sums over the rows of one batch; a row of weight 0 must add nothing."""


@runtime_checkable
class ShardLearner(LearnerBase, Protocol):
    """A learner that sees a whole shard at a time, and may keep something of it from one pass to the next.

    Both functions run on the host, with NumPy arrays, the state's too; nothing may depend on the number of threads.
    The sums have the same bits for a ``shard`` that ``prepare_shard`` made at this state, and for one that
    ``map_shard`` left at any earlier state of this training.  So any worker can take over any shard at any time.

    Sums are float32 or float64 arrays, whose shapes are the same for every shard, also for one without rows, and but
    for `ChangingSums` in every pass.  The arrays of a shard must be no views of the state's.
    """

    def prepare_shard(self, state: State, batches: Iterable[Batch]) -> ShardState:
        """Make the state to keep of a shard, whose rows come once, in order, scaled, all with a weight above 0."""

    def map_shard(self, state: State, shard: ShardState) -> tuple[Sums, ShardState]:
        """Sums over the rows of a shard, and the state to keep from now on; ``shard`` may be used up."""


Learner = BatchLearner | ShardLearner
"""One algorithm in summation form."""


def updates_on_host(learner: Any) -> bool:
    """True for a learner whose updates JAX does not compile."""
    return isinstance(learner, UpdatesOnHost) and learner.updates_on_host


def flat(x: Any) -> Any:
    """Flatten the features of every row: [rows, *shape] → [rows, width]."""
    return x.reshape(x.shape[0], math.prod(x.shape[1:]))


def split_offset(x: Any, width: int) -> tuple[Any, Any]:
    """The features of rows and their offset: x [rows, row_width] → [rows, width] and [rows], 0 without an offset.

    The offset is in the units of a linear predictor, as ``data.label_scale`` leaves it.  It is known of every row, also
    in ``predict``, so it belongs to x and not to the label.
    """
    return (x[:, :width], x[:, width]) if x.shape[1] > width else (x, jnp.zeros_like(x[:, 0]))


def same(a: Any, b: Any) -> jax.Array:
    """True where two pytrees hold the same numbers."""
    equal = [jnp.all(x == y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)]
    return jnp.all(jnp.stack(equal))


def sums_by(membership: jax.Array, values: jax.Array) -> jax.Array:
    """Σ over rows, group by group: membership [rows, groups], values [rows, width] → [groups, width]."""
    return jnp.matmul(membership.T, values, precision=jax.lax.Precision.HIGHEST)


def cross_entropy(logits: jax.Array, y: jax.Array) -> jax.Array:
    """-log softmax(logits)[y] of every row; logits [rows, classes], y [rows] → [rows]."""
    return jax.nn.logsumexp(logits, axis=-1) - jnp.take_along_axis(logits, y[:, None], axis=-1)[:, 0]


def binary_cross_entropy(logits: jax.Array, y: jax.Array) -> jax.Array:
    """-log of the probability of y, 0 or 1, where ``logits`` are the log odds of 1; all of one shape."""
    return jax.nn.softplus(jnp.where(y == 1, -logits, logits))


def squared_error(prediction: jax.Array, y: jax.Array) -> jax.Array:
    """(prediction - y)² / 2 of every row, the negative log-likelihood of unit normal noise but for a constant."""
    return 0.5 * jnp.square(prediction - y)
