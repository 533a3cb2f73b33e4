"""The check of folds that keep groups of rows whole: each of them must have rows."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from yarnml.data.base import Fold
from yarnml.data.dataset import read_group
from yarnml.data.plan import Plan, fold_of
from yarnml.errors import JobFileError
from yarnml.job.spec import Job

MAX_GROUPS_AT_ONCE = 4
"""Row groups whose column is in the master's memory together."""


def check_group_folds(job: Job, plan: Plan) -> None:
    """Refuse a search one of whose folds has no rows, since there are few groups; their column is read once."""
    search = job.search
    if not search or not search.folds or not search.whole_groups:
        return
    dataset = fold_of(plan, job, 0).datasets["train"]
    fold = dataset.fold
    assert fold
    column = str(fold.group)
    columns = pa.schema([plan.stored["train"].field(column)])

    def count(place: tuple[int, int]) -> npt.NDArray[np.int64]:
        return count_rows(fold, read_group(dataset, *place, columns))

    with ThreadPoolExecutor(MAX_GROUPS_AT_ONCE) as pool:
        rows = sum(pool.map(count, dataset.places), np.zeros(fold.folds, np.int64))
    if not rows.all():
        number = int(np.argmin(rows)) + 1
        raise JobFileError(
            f"search.folds: with whole groups of data.group '{column}', fold {number} of {fold.folds} has none of the "
            f"{rows.sum()} rows; ask for fewer folds, or for a column with more values."
        )


def count_rows(fold: Fold, table: pa.Table) -> npt.NDArray[np.int64]:
    """[folds]: how many rows of a table each fold has."""
    return np.bincount(fold.group_numbers(table), minlength=fold.folds).astype(np.int64)
