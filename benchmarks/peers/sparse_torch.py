"""DLRM in torch: one embedding with sparse gradients for all columns, and the network on products in pairs.

Its embeddings follow Adagrad, since torch has no FTRL: times are compared, and how soon it learns is not.
"""

import warnings
from typing import Any

import numpy as np
import torch

BUCKETS = 1 << 22
LEARNING_RATES = {"embedding": 0.05, "layers": 0.005}
FIRST = 0.02
"""Embeddings begin even between -this and this."""


class Dlrm(torch.nn.Module):
    """The score of rows of keys [rows, columns]."""

    def __init__(self, columns: int, width: int, hidden: int) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(BUCKETS, width, sparse=True)
        torch.nn.init.uniform_(self.embedding.weight, -FIRST, FIRST)
        self._pairs = torch.triu_indices(columns, columns, 1)
        inputs = self._pairs.shape[1]
        self.layers = torch.nn.Sequential(torch.nn.Linear(inputs, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, 1))

    def forward(self, keys: Any) -> Any:
        vectors = self.embedding(keys)
        products = torch.bmm(vectors, vectors.transpose(1, 2))[:, self._pairs[0], self._pairs[1]]
        return self.layers(products)[:, 0]


class Training:
    """Adagrad on sums of gradients, ``batch`` rows a step.  ``keys``: [rows, columns]; ``y``: [rows]."""

    def __init__(self, keys: Any, y: Any, width: int, hidden: int, batch: int) -> None:
        torch.manual_seed(0)
        torch.set_num_threads(1)  # as the network in JAX has
        warnings.filterwarnings("ignore", "Sparse invariant checks")
        self._keys = torch.from_numpy(keys.astype(np.int64))
        self._y = torch.from_numpy(y)
        self._batch = batch
        self._model = Dlrm(keys.shape[1], width, hidden)
        self._loss = torch.nn.BCEWithLogitsLoss(reduction="sum")
        self._optimizers = [
            torch.optim.Adagrad(part.parameters(), lr=LEARNING_RATES[name])
            for name, part in self._model.named_children()
        ]

    def epoch(self) -> None:
        """Go over all rows once."""
        for low in range(0, len(self._y), self._batch):
            for optimizer in self._optimizers:
                optimizer.zero_grad()
            rows = slice(low, low + self._batch)
            self._loss(self._model(self._keys[rows]), self._y[rows]).backward()
            for optimizer in self._optimizers:
                optimizer.step()

    def score(self, keys: Any) -> Any:
        """The scores [rows] of keys."""
        with torch.no_grad():
            return self._model(torch.from_numpy(keys.astype(np.int64))).numpy()
