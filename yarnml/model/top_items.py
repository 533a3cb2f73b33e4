"""The best items for a user, out of the factors of a model of ratings: plain NumPy over the exported arrays."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from yarnml.data.arrays import Array, places_within
from yarnml.errors import DataError, ExportError

MAX_SCORES_IN_MEMORY = 1 << 24
"""64 MiB of float32."""


class Side(NamedTuple):
    """Users or items: factors [n, rank], offset [n]."""

    factors: Array
    offset: Array


class Factors(NamedTuple):
    """A score is users.factors · items.factors + users.offset + items.offset + mean."""

    users: Side
    items: Side
    mean: float


class Seen(NamedTuple):
    """Pairs, by user: ``user`` ascending, and the item of each; one that is not among the items is below 0."""

    user: Array
    item: Array

    @property
    def known(self) -> "Seen":
        """Those whose item is among the items."""
        is_known = self.item >= 0
        return Seen(self.user[is_known], self.item[is_known])


NOTHING = Seen(np.empty(0, np.int64), np.empty(0, np.int64))


def factors_of(arrays: Mapping[str, npt.ArrayLike]) -> Factors:
    """Find the factors among a model's arrays, in the units of the ratings.

    Raises ExportError where it is not a model of ratings.
    """

    def side(name: str) -> Side:
        factors = np.asarray(arrays[f"parameters/{name}/factors"])
        return Side(factors, np.asarray(arrays.get(f"parameters/{name}/offset", np.zeros(len(factors), np.float32))))

    unit = 1 / np.asarray(arrays.get("scaling/label/factor", 1.0), np.float32)
    mean = float(np.asarray(arrays.get("scaling/label/mean", 0.0)))
    try:
        users = side("users")
        items = side("items")
        bias = float(np.asarray(arrays.get("parameters/bias", 0.0)))
        return Factors(
            Side(users.factors * unit, users.offset * unit),
            Side(items.factors, items.offset * unit),
            bias * float(unit) + mean,
        )
    except KeyError:
        raise ExportError(
            "Only a model of ratings, of learner.kind als or factorization, or of two towers (two_tower) recommends "
            "items; this one is another."
        ) from None


def seen_of(pairs: Array, factors: Factors) -> Seen:
    """Sort pairs of user and item [n, 2] by user; DataError names a number that the model does not have."""
    for name, numbers, side in zip(("user", "item"), pairs.T, factors[:2], strict=True):
        _refuse(numbers, len(side.factors), name, "what was seen holds")
    order = np.argsort(pairs[:, 0], kind="stable")
    user, item = pairs[order].astype(np.int64).T
    return Seen(user, item)


def known(users: npt.ArrayLike | None, factors: Factors) -> Array:
    """Check the numbers of users [n], None for all; DataError names one that the model does not have."""
    count = len(factors.users.factors)
    if users is None:
        return np.arange(count)
    given = np.asarray(users)
    if given.ndim != 1 or (given.size and given.dtype.kind not in "iu"):
        raise DataError(f"recommend needs whole numbers of users, [n], got {given.dtype} {list(given.shape)}.")
    _refuse(given, count, "user", "recommend was asked for")
    return given.astype(np.int64)


def _refuse(numbers: Array, count: int, what: str, where: str) -> None:
    bad = numbers[~((numbers >= 0) & (numbers < count) & (numbers == np.floor(numbers)))]
    if bad.size:
        raise DataError(f"The model has {what}s 0 to {count - 1}, but {where} {what} {bad[0]:.10g}.")


def best(
    factors: Factors, users: Array, top: int, seen: Seen = NOTHING, scores: int = MAX_SCORES_IN_MEMORY
) -> Iterator[pa.Table]:
    """Rank items into tables of (user, item, score, rank): the best item of each user first, with rank 1.

    Equal scores are ordered by the item's number.  Items that a user has seen are left out, so there may be fewer than
    ``top``.  There is a table for each block of users, with at most ``scores`` of their scores in memory.
    """
    items = len(factors.items.factors)
    size = max(1, scores // items)
    for low in range(0, max(len(users), 1), size):
        yield _ranked(factors, users[low : low + size], min(top, items), seen)


def _ranked(factors: Factors, users: Array, top: int, seen: Seen) -> pa.Table:
    scores = factors.users.factors[users] @ factors.items.factors.T + factors.items.offset
    first = np.searchsorted(seen.user, users)
    counts = np.searchsorted(seen.user, users, side="right") - first
    # The rows of ``seen`` that belong to these users: first, first + 1, … of each, one user after the other.
    pairs = np.repeat(first, counts) + places_within(counts)
    scores[np.repeat(np.arange(len(users)), counts), seen.item[pairs]] = -np.inf
    chosen = _largest(scores, top)
    score = np.take_along_axis(scores, chosen, axis=1)
    is_left = score > -np.inf
    rank = np.broadcast_to(np.arange(1, top + 1, dtype=np.int32), chosen.shape)
    columns = {"user": np.repeat(users, is_left.sum(axis=1)), "item": chosen[is_left]}
    total = score + (factors.users.offset[users] + np.float32(factors.mean))[:, None]
    return pa.table(columns | {"score": total[is_left], "rank": rank[is_left]})


def _largest(scores: Array, top: int) -> Array:
    """Find the columns of the ``top`` largest numbers of each row, the largest first, of equal ones the first columns.

    A partition is cheaper than a full sort, but leaves open which of equal numbers it takes: so columns are chosen by
    comparison with the smallest of the largest, and where too many are equal to it the last ones are dropped.
    """
    least = -np.partition(-scores, top - 1, axis=1)[:, top - 1 : top]
    taken = scores >= least
    for row in np.flatnonzero(np.count_nonzero(taken, axis=1) > top):
        equal = np.flatnonzero(scores[row] == least[row])
        taken[row, equal[top - np.count_nonzero(scores[row] > least[row]) :]] = False
    columns = np.nonzero(taken)[1].reshape(len(scores), top)
    order = np.argsort(-np.take_along_axis(scores, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)
