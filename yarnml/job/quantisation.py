"""A job that makes a smaller version of a model, as the command ``yarnml models quantise`` asks for it."""

from typing import Annotated, Literal

from msgspec import Meta

from yarnml.job.fields import FormatName, MetricName, NonNegative, Url
from yarnml.job.on_model import OnModel

NETWORKS = ("mlp", "cnn", "recurrent", "embedding_bag", "transformer", "custom")
"""Kinds of learners whose weights are matrices that nothing but their program reads."""


class Quantisation(OnModel, frozen=True, kw_only=True):
    """One smaller version of a stored model, which is measured on rows with labels; a `yarnml.job.base.BaseJob`.

    ``folder``: for the logs of its processes.
    ``kind``: of its weights.  ``metric``: None for the usual one of the label.
    ``tolerance``: by how much the metric may get worse, as a part of it.
    """

    model: Url
    data: Annotated[list[Url], Meta(min_length=1)]
    folder: str
    format: FormatName = "auto"
    kind: Literal["int8", "bfloat16"]
    metric: MetricName | None = None
    tolerance: NonNegative = 0.01
    name: str = "quantisation"

    @property
    def folder_field(self) -> str:
        return "the folder for logs"

    @property
    def urls(self) -> dict[str, str]:
        return {"MODEL": self.model, **{f"--data {n}": url for n, url in enumerate(self.data)}}
