"""A job that makes a smaller version of a model, as the command ``yarnml models quantise`` asks for it."""

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from yarnml.errors import JobFileError
from yarnml.job.fields import FormatName, MetricName, NonNegative, Url
from yarnml.job.no_training import NoTraining

if TYPE_CHECKING:
    from yarnml.job.spec import Job

NETWORKS = ("mlp", "cnn", "recurrent", "embedding_bag", "transformer", "custom")
"""Kinds of learners whose weights are matrices that nothing but their program reads."""


class Quantisation(NoTraining, frozen=True, kw_only=True):
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


def measuring_rows(job: "Job") -> tuple[str, list[str]] | None:
    """The part of a job's data, by its name, on which a smaller version is measured, and its paths; None for none."""
    for part in ("validation", "test"):
        rows = getattr(job.data, part)
        if isinstance(rows, str | list):
            return part, [rows] if isinstance(rows, str) else rows
    return None


def check_quantised(job: "Job") -> None:
    """Refuse a smaller version of a learner that has none, and one that could not be measured."""
    target = job.export_to
    if target is None or target.quantise is None:
        return
    if job.learner.kind not in NETWORKS:
        raise JobFileError(
            f"export.quantise makes weights smaller of {', '.join(NETWORKS)}, not of learner.kind {job.learner.kind}; "
            "remove it."
        )
    if job.data.label is None or measuring_rows(job) is None or job.data.where is not None:
        raise JobFileError(
            "export.quantise is measured on rows with labels: data.validation or data.test must be paths, all of whose "
            "rows count, so without data.where; give one, or remove it."
        )
