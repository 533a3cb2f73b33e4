"""Seeded choices among rows: their order, a part that is held out, the folds of a cross-validation.

Every choice is a function of counts, a seed and, where it is stratified, a number for each row: the same wherever and
whenever a worker makes it.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

SPLIT_SEED = 1
BLOCKS_SEED = 2
ROWS_SEED = 3
FOLDS_SEED = 4
SAMPLE_SEED = 5
"""Different kinds of choices begin their seeds with different numbers, so that none repeats another's."""


def shuffled(rows: int, seed: Sequence[int]) -> npt.NDArray[np.int64]:
    """A seeded order of ``rows`` rows."""
    return np.random.default_rng(seed).permutation(rows)


def split_rows(
    total: int, held: int, seed: Sequence[int], *, held_out: bool, strata: npt.NDArray[np.int64] | None = None
) -> npt.NDArray[np.int64]:
    """Choose ``held`` of the ``total`` rows of a group; return these, or with ``held_out`` false the rest, ascending.

    With ``strata`` [total], a number for each row, those held out are a systematic sample of the shuffled rows in order
    of it: every row is held out with the same probability, and of the rows of one number the share that is due, to a
    row.
    """
    random = np.random.default_rng(seed)
    order = random.permutation(total)
    if strata is not None:
        order = order[np.argsort(strata[order], kind="stable")]
        places = (np.arange(held) + random.random()) * (total / max(held, 1))
        is_held = np.zeros(total, bool)
        is_held[np.minimum(places.astype(np.int64), total - 1)] = True
        order = np.concatenate([order[is_held], order[~is_held]])
    return np.sort(order[:held] if held_out else order[held:])


def fold_numbers(
    total: int, first: int, folds: int, seed: Sequence[int], strata: npt.NDArray[np.int64] | None = None
) -> npt.NDArray[np.int32]:
    """[total]: the part, 0 … ``folds`` - 1, of every row of a group, whose first row is row ``first`` of the dataset.

    The shuffled rows are dealt out in turn, from one group to the next, so parts are equal to a row.  With ``strata``
    [total], a number for each row, they are dealt out in order of it, from a random one on: every part gets its share
    of the rows of one number, to two rows, and which part gets a single one is left to chance.
    """
    random = np.random.default_rng(seed)
    order = random.permutation(total)
    if strata is not None:
        order = np.roll(order[np.argsort(strata[order], kind="stable")], random.integers(max(total, 1)))
    numbers = np.empty(total, np.int32)
    numbers[order] = (first + np.arange(total)) % folds
    return numbers
