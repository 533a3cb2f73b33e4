"""The forecast of a table's memory, against tables and against arithmetic."""

from typing import Any

import numpy as np
import pytest

from yarnml.data.schema import Feature, Schema
from yarnml.job.learners import SparseFactorizationMachine, SparseLinear, TableLearnerOptions
from yarnml.job.load import load_job
from yarnml.learners.registry import build_learner
from yarnml.sparse.policy import KeyPolicy
from yarnml.sparse.room import key_bytes, room
from yarnml.sparse.run import Run
from yarnml.sparse.stored import CLOCK
from yarnml.sparse.table import Table


@pytest.mark.parametrize(
    ("options", "has_ages"),
    [(SparseLinear(), False), (SparseLinear(), True), (SparseFactorizationMachine(rank=5), False)],
    ids=["linear", "ages", "factors"],
)
def test_the_bytes_of_a_key(options: TableLearnerOptions, has_ages: bool) -> None:
    """A table of a learner's blocks takes what its options say, however full its arrays and its index are."""
    learner: Any = build_learner(options, Schema((Feature("x", 1),), "y", "class", (0, 1)))
    table = Table(learner.blocks, KeyPolicy(tracked=has_ages))
    size = key_bytes(options, 1, has_ages=has_ages)
    for number in range(40):  # from 4,000 keys to 160,000, so that all arrays double at several places
        keys = np.unique(np.random.default_rng(number).integers(0, 2**64, 4000, np.uint64))
        table.update(Run(keys, np.ones((len(keys), table.width), np.float32)))
        assert size.smallest <= table.nbytes / len(table) <= size.largest
    arrays = sum(array.nbytes for name, array in table.arrays().items() if name != CLOCK)
    assert size.copied == 2 * arrays / len(table)


LINEAR = {"kind": "sparse_linear"}


@pytest.mark.parametrize(
    ("fields", "cost", "place"),
    [
        (
            {"learner": LINEAR, "workers": {"memory": "2 GiB", "cache": "384 MiB"}},
            "72 to 112",
            "workers.memory, 2 GiB in every worker, has room for 9,586,980 keys",
        ),
        (
            {"learner": LINEAR, "workers": {"memory": "1 GiB"}},
            "72 to 112",
            "workers.memory, 1 GiB in every worker, has room for 0 keys",
        ),
        (
            {
                "learner": {"kind": "sparse_factorization_machine", "rank": 16},
                "training": {"state": "sharded"},
                "reducers": {"count": 8, "memory": "16.28125 GiB", "followers": 0},
            },
            "456 to 624",
            "reducers.memory, 8 parts of 16.28125 GiB, has room for 220,254,728 keys",
        ),
        (
            {
                "learner": LINEAR,
                "training": {"state": "sharded"},
                "workers": {"count": 3, "memory": "2 GiB", "cache": "384 MiB"},
            },
            "112 to 192",
            "workers.memory, 3 parts of 2 GiB, has room for 16,777,215 keys",
        ),
    ],
    ids=["replicated", "none", "reducers", "workers"],
)
def test_room(fields: dict[str, Any], cost: str, place: str) -> None:
    """A plan says what a key costs, and for how many there is memory in the processes that keep the table."""
    steps = [{"kind": "key", "columns": ["x"]}]
    job = {"name": "job", "data": {"train": "rows", "features": ["x"], "label": "y", "prepare": steps}}
    twice = ", which two processes keep," if cost.startswith("112") else ""
    sentence = f"the table takes {cost} bytes for each key{twice} while a checkpoint is written: {place}"
    assert room(load_job(job | fields)) == sentence


def test_no_table() -> None:
    """Nothing is said of a learner without one."""
    assert not room(
        load_job(
            {"name": "job", "data": {"train": "rows", "features": ["x"], "label": "y"}, "learner": {"kind": "mlp"}}
        )
    )
