"""Groups of columns that may interact: a model is a sum of functions of each group alone."""

import numpy as np
import pytest
from msgspec.structs import replace

from tests.learners.kinds import schema
from tests.learners.trees.growing import grown, halves, predicted
from yarnml.data.schema import Feature
from yarnml.errors import JobFileError
from yarnml.job.learners import Boosting, Tree
from yarnml.learners.registry import build_learner

COLUMNS = replace(schema(1, ()), features=tuple(Feature(name, 1) for name in ("bmi", "bp", "s5")))


@pytest.mark.long
def test_only_columns_of_one_group_interact() -> None:
    """A change of a column changes predictions alike, whatever columns of other groups are; not so within its group."""
    x, y, other, _ = halves("diabetes")
    x = x[:, [2, 3, 8]]
    other = other[:, [2, 3, 8]]
    options = Boosting(trees=12, depth=3, learning_rate=0.5, interactions=[["bmi", "bp"]])
    learner, state = grown(options, COLUMNS, x, y.astype(np.float32))

    def difference(changed: list[int], kept: list[int]) -> float:
        """The largest second difference: a change of some columns, beside others as they are and as they could be."""
        rows = {}
        for one in (False, True):
            for two in (False, True):
                moved = other.copy()
                for columns, is_moved in ((changed, one), (kept, two)):
                    moved[:, columns] = np.roll(other, 7, axis=0)[:, columns] if is_moved else moved[:, columns]
                rows[one, two] = predicted(learner, state, moved).astype(np.float64)
        return float(np.abs(rows[True, True] - rows[True, False] - rows[False, True] + rows[False, False]).max())

    assert difference([2], [0, 1]) < 1e-3 < 1 < difference([0], [1])


def test_names_that_are_no_columns() -> None:
    """A group of a column that the model does not have is refused."""
    with pytest.raises(JobFileError, match=r"learner\.interactions: 'age' is none of data\.features \(bmi, bp, s5\)"):
        build_learner(Tree(interactions=[["bmi", "age"]]), COLUMNS)
