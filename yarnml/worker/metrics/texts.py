"""Metrics of language models: how well the pieces of texts are predicted."""

import math
from collections.abc import Sequence

import numpy as np

from yarnml.data.schema import Schema
from yarnml.reduce.tree import Vector
from yarnml.worker.metrics.base import Metrics, Scored, Statistic


class Pieces:
    """The share of pieces that are predicted, the exponential of the loss, and its bits for each byte of the texts.

    Outputs [rows, 3] are the loss, the share that is right and the bytes of a piece; a row weighs as its pieces.
    """

    size = 3

    def sums(self, rows: Scored) -> Vector:
        return np.asarray(rows.weight @ rows.outputs)

    def metrics(self, total: Vector, weight: float) -> Metrics:
        loss, right, size = total
        metrics = {"accuracy": float(right) / weight, "perplexity": math.exp(min(float(loss) / weight, 700.0))}
        return metrics | ({"bits_per_byte": float(loss) / math.log(2) / float(size)} if size > 0 else {})


def pieces(schema: Schema, names: Sequence[str]) -> Statistic | None:
    return Pieces() if schema.task == "text" else None
