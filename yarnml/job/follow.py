"""The field ``data.follow``: a folder into which other programs put files, from which a model goes on learning."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, field

from yarnml.errors import JobFileError
from yarnml.job.fields import Duration, MetricName, Positive, PositiveInt, Section, Url

if TYPE_CHECKING:
    from yarnml.job.spec import Job

EMPTY = "empty"
BETTER = "better"

Exports = Annotated[
    str,
    Meta(
        pattern=rf"^({BETTER}|[1-9][0-9]{{0,8}} (batch|batches|s|min|h|d))$(?!\n)",
        description="such as '1 batch', '10 batches' or '30 min', or better",
    ),
]


class Drift(Section, frozen=True, kw_only=True):
    """Signs that rows have changed.

    ``psi``: the population stability index of a feature, or of the predictions, from which on it has drifted.
    ``worse``: the part by which the metric of a batch may be worse than its mean over the window before it.
    """

    psi: Positive | None = 0.25
    worse: Positive | None = None


class Follow(Section, frozen=True, kw_only=True):
    """A folder whose files are learned in batches, each file once, after ``train``.

    ``every``: the time from one look into the folder to the next, where the first finds nothing.
    ``settle``: the time for which a file must have stayed as it is before it counts as whole.
    ``files``: most files of a batch.
    ``until``: ``empty`` ends the job once there is no more file, '100 batches' after so many, a time such as
    2026-12-01T06:00:00+00:00 then; without, it goes on until it is stopped.
    ``metric``: of every batch before it is learned; over the newest ``window`` batches it is told, too.
    ``export``: after how many batches, or how much time, a version of the model is due; ``better``: where the metric
    over the window is the best so far.
    ``promote``: the alias that names each new version, unless rows have drifted.
    """

    path: Url
    every: Duration = "5 min"
    settle: Duration = "10 s"
    files: PositiveInt = 1000
    until: Annotated[str, Meta(min_length=1)] | None = None
    metric: MetricName = "loss"
    window: PositiveInt = 10
    export: Exports = "1 batch"
    promote: Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$(?!\n)")] | None = None
    drift: Drift | None = field(default_factory=Drift)

    @property
    def last_batch(self) -> int | None:
        """The number of the last batch; None where ``until`` names none."""
        words = (self.until or "").split()
        return int(words[0]) if words[1:] in (["batch"], ["batches"]) and words[0].isdecimal() else None

    @property
    def end(self) -> float | None:
        """The time of the end, in seconds since 1970; None where ``until`` is none.  ValueError for a wrong one."""
        if self.until in (None, EMPTY) or self.last_batch is not None:
            return None
        end = datetime.fromisoformat(str(self.until))
        if end.tzinfo is None:
            raise ValueError("a time needs its zone")
        return end.timestamp()


def check_follow(job: "Job") -> None:
    """Refuse a folder to follow for a job that can't go on learning from batches of files."""
    follow = job.data.follow
    if follow is None:
        return
    if not (job.learner.uses_gradient_descent or job.learner.KEYS):
        raise JobFileError(
            f"data.follow learns from one batch of files after the other, and {job.learner.method} needs all rows at "
            "once; choose a learner that uses gradient descent, or one with keys, or remove data.follow."
        )
    if job.search:
        raise JobFileError("data.follow is for one training, and search makes several; remove one of them.")
    target = job.export_to
    if target and target.version:
        raise JobFileError("data.follow exports one version after the other; remove export.version.")
    if follow.promote and not target:
        raise JobFileError("data.follow.promote names versions of a model, so export is needed, which is missing.")
    try:
        _ = follow.end
    except ValueError:
        raise JobFileError(
            f"data.follow.until must be empty, a number of batches such as '100 batches', or a time with its zone such "
            f"as 2026-12-01T06:00:00+00:00, not '{follow.until}'."
        ) from None
