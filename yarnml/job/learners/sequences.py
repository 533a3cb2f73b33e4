"""Checks of jobs whose features are in order: series with next values, texts with next pieces."""

from typing import TYPE_CHECKING

from yarnml.errors import JobFileError
from yarnml.job.prepare import Pieces

if TYPE_CHECKING:  # `yarnml.job.spec` has the options among its fields
    from yarnml.job.learners.networks import Transformer
    from yarnml.job.spec import Job


def check_horizon(horizon: int | None, quantiles: list[float], job: "Job") -> None:
    """Refuse a horizon where the next values are in other units than the series, or the features are no series.

    So it is with quantiles, of which there would be several of each next value.

    A horizon says that the labels are the next values of the series of a row, ``horizon`` of each: predictions begin at
    the last value.
    """
    if horizon is None:
        return
    if quantiles:
        raise JobFileError(
            "learner.horizon predicts several values, and learner.quantile several quantiles of one; remove either."
        )
    data = job.data
    if any(step.ids for step in data.prepare):
        raise JobFileError("learner.horizon is for series of numbers, and data.prepare makes ids; remove one of them.")
    if {data.scale, data.label_scale} not in ({"auto"}, {"standard"}, {"auto", "standard"}, {"none"}):
        raise JobFileError(
            "learner.horizon needs the next values in the units of the series, but data.scale is "
            f"{data.scale} and data.label_scale {data.label_scale}; leave both out, or make both none."
        )


def check_generation(options: "Transformer", job: "Job") -> None:
    """Refuse a task to generate text without a column of pieces, and fields that it has no use for."""
    if not options.predicts_text:
        if options.context is not None:
            raise JobFileError("learner.context is for learner.task: generate; remove it, or give that task.")
        return
    for name, given in (("hidden", options.hidden), ("horizon", options.horizon), ("quantile", options.quantile)):
        if given:
            raise JobFileError(f"learner.task generate has no {name}; remove learner.{name}.")
    data = job.data
    texts = {name: step for step in data.prepare if isinstance(step, Pieces) for name in step.columns}
    if not isinstance(data.features, list) or len(data.features) != 1 or data.features[0] not in texts:
        raise JobFileError(
            "learner.task generate learns from the pieces of one column of text: name it alone in data.features, and "
            "give it {kind: pieces} in data.prepare."
        )
    length = texts[data.features[0]].length
    if options.context is not None and length % options.context:
        raise JobFileError(
            f"learner.context {options.context} must divide the length of pieces in data.prepare, {length}, since "
            "texts are cut into windows of so many pieces."
        )
