"""Two towers on synthetic pairs, beside the truth that these are drawn by and the most popular items.

A user draws items by the softmax of the product of two vectors and the item's popularity.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

import yarnml
from benchmarks.measure import Column, report
from yarnml.model.held_out import HeldOut
from yarnml.model.recommender import recommender_of
from yarnml.model.top_items import NOTHING, Factors, Seen, Side, best

TOP = 10
USERS = 500
ITEMS = 300
WIDTH = 4
KEYS = {"kind": "key", "columns": ["user", "item"]}

Answer = dict[str, float]

COLUMNS = [
    Column(f"NDCG of {TOP}", lambda a: a[f"ndcg_{TOP}"], compared=True),
    Column(f"recall of {TOP}", lambda a: a[f"recall_at_{TOP}"]),
    Column("CPU s", lambda a: a["cpu"]),
]


def main(rows: int = 20_000, epochs: int = 5) -> None:
    """Two towers: how near they come to the truth that synthetic pairs are drawn by."""
    random = np.random.default_rng(0)
    vectors = random.normal(size=(USERS, WIDTH)), random.normal(size=(ITEMS, WIDTH))
    popularity = 1.5 * random.normal(size=ITEMS)
    share = np.exp(vectors[0] @ vectors[1].T + popularity)
    upto = np.cumsum(share / share.sum(axis=1, keepdims=True), axis=1)
    users = random.integers(0, USERS, rows)
    items = np.minimum((upto[users] < random.random((rows, 1))).sum(axis=1), ITEMS - 1)
    pairs = pa.table({"user": users, "item": items})
    train = pairs.slice(0, rows * 4 // 5)
    rest = pairs.slice(len(train))
    counts = np.bincount(np.asarray(train["item"]), minlength=ITEMS)

    def ranked(users: Any, items: Any, offset: Any) -> Answer:
        sides = (
            Side(a.astype(np.float32), b.astype(np.float32)) for a, b in ((users, np.zeros(USERS)), (items, offset))
        )
        order = np.argsort(np.asarray(rest["user"]), kind="stable")
        held_out = Seen(*(np.asarray(rest[name])[order] for name in ("user", "item")))
        return _quality(held_out, Factors(*sides, 0.0)) | {"cpu": 0.0}

    def towers() -> Answer:
        begun = time.process_time()
        learner = {"kind": "two_tower", "item": ["item"]}
        training = {"epochs": epochs, "batch_size": 256, "shards": 1}
        model = yarnml.fit(
            train, features=["user", "item"], learner=learner, data={"prepare": [KEYS]}, training=training
        )
        spent = time.process_time() - begun
        everyone = pa.table({"user": np.arange(USERS)})
        everything = pa.table({"item": np.arange(ITEMS)})
        recommender = recommender_of(model.content, everyone, everything, ("users", "items"))
        return _quality(recommender.pairs([rest], "rest"), recommender.factors) | {"cpu": spent}

    blocks: dict[str, Callable[[], Answer]] = {
        "the truth": lambda: ranked(*vectors, popularity),
        "the most popular items": lambda: ranked(0 * vectors[0], vectors[1], counts),
        "yarnml, 1 worker": towers,
    }
    print(f"two-tower: {len(train)} synthetic pairs of {USERS} users and {ITEMS} items, {epochs} epochs")
    report({name: [block()] for name, block in blocks.items()}, COLUMNS, limit="the truth")  # no seconds are compared


def _quality(held_out: Seen, factors: Factors) -> Answer:
    users = np.arange(len(factors.users.factors))
    quality = HeldOut(held_out, NOTHING, users, TOP)
    for _ in quality.count(best(factors, users, TOP)):
        pass
    return quality.metrics()
