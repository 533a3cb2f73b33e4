"""Ratings for tests: the digits' grey values as ratings of 64 pixels by images, a real matrix of low rank."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import datasets

from yarnml.model.model import Model

Array = npt.NDArray[Any]
Train = Callable[..., Model]
Job = dict[str, Any]

USERS = 150
ITEMS = 64
GREY = datasets.load_digits().data[:USERS] / 4.0  # 0 … 4


def ratings(part: float = 1.0, seed: int = 0) -> dict[str, Array]:
    """The columns of a part of all pairs, in random order."""
    chosen = np.random.default_rng(seed).permutation(GREY.size)[: round(part * GREY.size)]
    user, item = (a.astype(np.int64) for a in np.divmod(chosen, ITEMS))
    return {"user": user, "item": item, "rating": GREY[user, item]}


def rmse(model: Model, columns: dict[str, Array]) -> float:
    return float(np.sqrt(np.mean(np.square(model.predict(columns) - columns["rating"]))))


def left_by_svd(rank: int) -> float:
    """The least RMSE that a matrix of this rank can have."""
    return float(np.sqrt(np.square(np.linalg.svd(GREY, compute_uv=False)[rank:]).sum() / GREY.size))


def split() -> tuple[dict[str, Array], dict[str, Array]]:
    """Four fifths of the pairs, and the rest."""
    pairs = ratings()
    cut = GREY.size * 4 // 5
    return {n: a[:cut] for n, a in pairs.items()}, {n: a[cut:] for n, a in pairs.items()}


def by_means(seen: dict[str, Array], new: dict[str, Array]) -> float:
    """The RMSE of the items' means."""
    means = np.array([seen["rating"][seen["item"] == i].mean() for i in range(ITEMS)])
    return float(np.sqrt(np.mean(np.square(means[new["item"]] - new["rating"]))))


ALS = {"kind": "als", "users": USERS, "items": ITEMS}
SGD = ALS | {"kind": "factorization", "rank": 8, "optimizer": {"kind": "adam", "learning_rate": 0.02}, "l2": 1e-4}
