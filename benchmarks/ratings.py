"""Synthetic ratings in Parquet files: a few items are popular, a few users busy, and there are tastes to be learnt.

Rows are sorted by user.  Some pairs are held back: whether a model recommends them is how good it is.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from benchmarks.tables import FILES
from benchmarks.workloads import HERE

Array = npt.NDArray[Any]

TASTES = 16  # kinds of items
OWN_TASTE = 0.6  # the part of a user's pairs whose items are of his kind
PER_USER = 100  # ratings, in the mean
HELD = 0.01  # pairs held back for each one that is trained on
MAX_USERS_ASKED = 1000  # users whose recommendations are looked at
TOP = 20  # recommendations that each of them gets


class Ratings(NamedTuple):
    """So many pairs, each once: int32 ``user`` and ``item``, and a float32 ``amount`` of 1 to 5."""

    count: int
    items: int

    @property
    def users(self) -> int:
        return max(FILES, self.count // PER_USER)

    @property
    def folder(self) -> Path:
        return HERE / "data" / f"ratings-{self.count}-{self.items}"

    @property
    def features(self) -> list[str]:
        return ["user", "item"]

    @property
    def train(self) -> Path:
        return self.folder / "train"

    @property
    def code(self) -> str:
        """A name of these ratings for another program."""
        return f"{self.count},{self.items}"


def decoded(code: str) -> Ratings:
    return Ratings(*map(int, code.split(",")))


def write(ratings: Ratings) -> Path:
    """Files of the pairs to train on, written once, with those held back beside them."""
    if not ratings.folder.exists():
        temporary = ratings.folder.with_name(".tmp-" + ratings.folder.name)
        for part in ("train", "held"):
            (temporary / part).mkdir(parents=True, exist_ok=True)
        for number in range(FILES):
            train, held = _file(ratings, number)
            pq.write_table(train, temporary / "train" / f"part-{number}.parquet", row_group_size=1 << 17)
            pq.write_table(held, temporary / "held" / f"part-{number}.parquet")
        temporary.rename(ratings.folder)
    return ratings.train


def read(folder: Path) -> tuple[Array, Array, Array]:
    """User, item and amount of every pair, [n]."""
    pairs = ds.dataset(folder).to_table()
    user, item, amount = (pairs.column(name).to_numpy() for name in ("user", "item", "amount"))
    return user, item, amount


def recall(ratings: Ratings, users: Array, items: Array) -> float:
    """Recall: the part of some users' held-back pairs that is among the best items that the user has not had.

    ``users`` and ``items``: factors, [n, rank].
    """
    held_user, held_item, _ = read(ratings.folder / "held")
    asked = np.unique(held_user)[:MAX_USERS_ASKED]
    scores = users[asked] @ items.T
    user, item, _ = read(ratings.train)
    had = np.isin(user, asked)
    scores[np.searchsorted(asked, user[had]), item[had]] = -np.inf
    best = np.argpartition(-scores, TOP, axis=1)[:, :TOP]
    counted = np.isin(held_user, asked)
    hits = best[np.searchsorted(asked, held_user[counted])] == held_item[counted][:, None]
    return float(hits.any(axis=1).mean())


def _file(ratings: Ratings, number: int) -> tuple[pa.Table, pa.Table]:
    """The pairs of a run of users: to train on, and held back."""
    low, high = (n * ratings.users // FILES for n in (number, number + 1))
    trained = (number + 1) * ratings.count // FILES - number * ratings.count // FILES
    random = np.random.default_rng([ratings.count, ratings.items, number])
    taste = random.integers(TASTES, size=high - low)
    busy = 1 + random.pareto(2.0, high - low)
    busy /= busy.sum()
    pairs = np.empty(0, np.int64)
    needed = trained + round(HELD * trained)
    while len(pairs) < needed:
        user = random.choice(high - low, needed, p=busy)
        kind = np.where(random.random(needed) < OWN_TASTE, taste[user], random.integers(TASTES, size=needed))
        place = (ratings.items // TASTES * random.random(needed) ** 3).astype(np.int64)  # the first are the popular
        pairs = np.unique(np.concatenate([pairs, user * ratings.items + place * TASTES + kind]))
    chosen = random.permutation(len(pairs))[:needed]
    user, item = np.divmod(pairs, ratings.items)
    amount = np.minimum(1 + random.poisson(np.where(item % TASTES == taste[user], 2.0, 0.5)), 5)
    whole = pa.table(
        {
            "user": pa.array(low + user, pa.int32()),
            "item": pa.array(item, pa.int32()),
            "amount": pa.array(amount, pa.float32()),
        }
    )
    return whole.take(np.sort(chosen[:trained])), whole.take(np.sort(chosen[trained:]))
