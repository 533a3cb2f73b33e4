"""The quality of recommendations, by pairs of user and item that were held out of the training."""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from yarnml.data.arrays import Array
from yarnml.model.top_items import Seen


class HeldOut:
    """Counts of the held-out items that were recommended, as recommendations go by.

    Means are over the users that have any such item.  A held-out item that nobody can be recommended, since it is not
    among the items, is missed.

    ``users``: those who get recommendations.  ``seen``: pairs that are left out, and not to be found.
    """

    def __init__(self, held_out: Seen, seen: Seen, users: Array, top: int) -> None:
        pairs = np.unique(_numbered(held_out))
        pairs = np.setdiff1d(pairs, _numbered(seen))
        self._pairs = pairs[np.isin(pairs["user"], users)]
        self._top = top
        self._users, counts = np.unique(self._pairs["user"], return_counts=True)
        self._counts = counts
        self._hits = np.zeros(len(counts))
        self._gain = np.zeros(len(counts))

    def count(self, tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
        """Pass on tables of best items by number, counting on the way."""
        for table in tables:
            user, item, rank = (np.asarray(table[name], np.int64) for name in ("user", "item", "rank"))
            is_hits = np.isin(_numbered(Seen(user, item)), self._pairs)
            place = np.searchsorted(self._users, user[is_hits])
            np.add.at(self._hits, place, 1)
            np.add.at(self._gain, place, 1 / np.log2(rank[is_hits] + 1))
            yield table

    def metrics(self) -> dict[str, float]:
        """Recall, and normalised discounted cumulative gain; nothing where no user has held-out items."""
        if not len(self._users):
            return {}
        ideal = np.cumsum(1 / np.log2(np.arange(self._top) + 2))[np.minimum(self._counts, self._top) - 1]
        recall = float(np.mean(self._hits / self._counts))
        return {f"recall_at_{self._top}": recall, f"ndcg_{self._top}": float(np.mean(self._gain / ideal))}

    @property
    def users(self) -> int:
        """The number of users that have held-out items."""
        return len(self._users)


def _numbered(pairs: Seen) -> Array:
    """The pairs as one array of both numbers."""
    both = np.empty(len(pairs.user), [("user", np.int64), ("item", np.int64)])
    both["user"] = pairs.user
    both["item"] = pairs.item
    return both
