"""Checks of jobs with keys, and of those whose learner has a table of them."""

from yarnml.errors import JobFileError
from yarnml.job.consistency import check_consistency
from yarnml.job.learners.element_wise import check_element_wise
from yarnml.job.patterns import is_pattern
from yarnml.job.prepare import Key
from yarnml.job.spec import Job


def check_keys(job: Job) -> None:
    """Refuse keys for a learner without tables, a learner with tables without keys, and keys of several sizes."""
    kind = job.learner.kind
    steps = [step for step in job.data.prepare if isinstance(step, Key)]
    if steps and not job.learner.KEYS:
        raise JobFileError(
            f"learner.kind {kind} takes numbers, but key of data.prepare makes keys of column "
            f"'{steps[0].columns[0]}'; choose sparse_linear or another learner with tables, or kind hash."
        )
    if job.learner.KEYS and not steps:
        raise JobFileError(
            f"learner.kind {kind} has a row of parameters for every key, and nothing makes keys; add "
            "{kind: key, columns: [...]} to data.prepare."
        )
    if len({step.bits for step in steps}) > 1:
        raise JobFileError(
            f"data.prepare makes keys of {steps[0].bits} bits and of other sizes; give all key steps the same bits."
        )
    _check_crosses(steps)


def _check_crosses(steps: list[Key]) -> None:
    """Refuse a cross of columns that become no keys, as far as columns are named and not chosen by patterns."""
    named = {name for step in steps for name in step.columns}
    for cross in (cross for step in steps for cross in step.crosses):
        if len(set(cross)) < len(cross):
            raise JobFileError(f"data.prepare crosses a column with itself: {cross}; name each column once.")
        unknown = [name for name in cross if name not in named]
        if unknown and not any(map(is_pattern, named)):
            raise JobFileError(
                f"data.prepare crosses column '{unknown[0]}', which becomes no keys; name it in columns of a key step, "
                "too."
            )


def check_state(job: Job) -> None:
    """Refuse a state in parts of a learner without a table, and what only goes with one or does not go with it."""
    check_consistency(job)
    if job.training.state != "sharded":
        if job.checkpoint.full_every > 1:
            raise JobFileError(
                "checkpoint.full_every is for a table whose owners write its rows; set training.state: sharded, or "
                "remove it."
            )
        return
    if not job.learner.KEYS:
        check_element_wise(job)
    if job.reducers.levels == 2:
        raise JobFileError(
            "training.state sharded sends sums straight to the owners of the parameters; remove "
            "reducers.levels, or make it 1."
        )
