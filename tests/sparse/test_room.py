"""The forecast of a table's memory, against tables and against arithmetic."""

from typing import Any

import numpy as np
import pytest

from yarnml.data.schema import Feature, Schema
from yarnml.job.learners import SparseFactorizationMachine, SparseLinear, TableLearnerOptions
from yarnml.job.load import load_job
from yarnml.learners.registry import build_learner
from yarnml.sparse.policy import KeyPolicy
from yarnml.sparse.room import most_bytes, most_keys, room, row_bytes, table_bytes
from yarnml.sparse.run import Run
from yarnml.sparse.stored import CLOCK
from yarnml.sparse.table import Table


@pytest.mark.parametrize(
    ("options", "has_ages"),
    [(SparseLinear(), False), (SparseLinear(), True), (SparseFactorizationMachine(rank=5), False)],
    ids=["linear", "ages", "factors"],
)
def test_the_bytes_of_a_table(options: TableLearnerOptions, has_ages: bool) -> None:
    """A table of a learner's blocks takes what is forecast to a fifth, however full its arrays and its index are."""
    learner: Any = build_learner(options, Schema((Feature("x", 1),), "y", "class", (0, 1)))
    table = Table(learner.blocks, KeyPolicy(tracked=has_ages))
    row = row_bytes(options, 1, has_ages=has_ages)
    for number in range(40):  # from 4,000 keys to 160,000, so that all arrays grow at several places
        keys = np.unique(np.random.default_rng(number).integers(0, 2**64, 4000, np.uint64))
        table.update(Run(keys, np.ones((len(keys), table.width), np.float32)))
        assert table.nbytes == pytest.approx(table_bytes(len(table), row), rel=0.2)
        assert table.nbytes <= most_bytes(len(table), row)
    arrays = sum(array.nbytes for name, array in table.arrays().items() if name != CLOCK)
    assert row == arrays / len(table)


@pytest.mark.parametrize("copies", [1, 2])
@pytest.mark.parametrize("memory", [0, 10**5, 10**7, 10**9])
def test_as_many_as_fit(memory: int, copies: int) -> None:
    """So many keys fit into the memory while a checkpoint is written, and one more does not."""
    keys = most_keys(memory, 16, copies)
    needed = [copies * most_bytes(n, 16) + 2 * 16 * n for n in (keys, keys + 1)]
    assert needed[1] > memory
    assert needed[0] <= memory or keys == 0


LINEAR = {"kind": "sparse_linear"}


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"learner": LINEAR, "workers": {"memory": "2 GiB", "cache": "384 MiB"}},
            "workers.memory, 2 GiB in every worker, has room for 16,777,216 keys of the table: 27 bytes for each, "
            "and 32 while a checkpoint is written",
        ),
        (
            {"learner": LINEAR, "workers": {"memory": "1 GiB"}},
            "workers.memory, 1 GiB in every worker, has room for 0 keys of the table",
        ),
        (
            {
                "learner": {"kind": "sparse_factorization_machine", "rank": 16},
                "training": {"state": "sharded"},
                "reducers": {"count": 8, "memory": "16.28125 GiB", "followers": 0},
            },
            "reducers.memory, 8 parts of 16.28125 GiB, has room for 271,944,416 keys of the table: 186 bytes for each, "
            "and 288 while a checkpoint is written",
        ),
        (
            {
                "learner": LINEAR,
                "training": {"state": "sharded"},
                "workers": {"count": 3, "memory": "2 GiB", "cache": "384 MiB"},
            },
            "workers.memory, 3 parts of 2 GiB, has room for 31,457,280 keys of the table: 63 bytes for each, in two "
            "processes, and 32 while a checkpoint is written",
        ),
    ],
    ids=["replicated", "none", "reducers", "workers"],
)
def test_room(fields: dict[str, Any], sentence: str) -> None:
    """A plan says what a key costs, and for how many there is memory in the processes that keep the table."""
    steps = [{"kind": "key", "columns": ["x"]}]
    job = {"name": "job", "data": {"train": "rows", "features": ["x"], "label": "y", "prepare": steps}}
    assert room(load_job(job | fields)) == sentence


def test_no_table() -> None:
    """Nothing is said of a learner without one."""
    assert not room(
        load_job(
            {"name": "job", "data": {"train": "rows", "features": ["x"], "label": "y"}, "learner": {"kind": "mlp"}}
        )
    )
