"""A job that makes a smaller version of a model, as the command ``yarnml models quantise`` asks for it."""

from typing import Literal

from yarnml.job.fields import MetricName, NonNegative
from yarnml.job.on_model import OnModel

NETWORKS = ("mlp", "cnn", "recurrent", "embedding_bag", "transformer", "custom")
"""Kinds of learners whose weights are matrices that nothing but their program reads."""


class Quantisation(OnModel, frozen=True, kw_only=True):
    """One smaller version of a stored model, which is measured on rows with labels; a `yarnml.job.base.BaseJob`.

    ``kind``: of its weights.  ``metric``: None for the usual one of the label.
    ``tolerance``: by how much the metric may get worse, as a part of it.
    """

    kind: Literal["int8", "bfloat16"]
    metric: MetricName | None = None
    tolerance: NonNegative = 0.01
    name: str = "quantisation"
