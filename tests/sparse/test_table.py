"""Tables: rows by key, whose values depend on keys and sums alone."""

import numpy as np
import pytest

from yarnml.job.learners import Adagrad, Ftrl
from yarnml.sparse.base import Part, described
from yarnml.sparse.block import Block, first_weights
from yarnml.sparse.rules import rule_of
from yarnml.sparse.run import Keys, Run
from yarnml.sparse.table import Table, restored

BLOCKS = [
    Block("weight", 1, rule_of(Ftrl())),
    Block("factors", 3, rule_of(Adagrad()), 0.1, 7),
]
KEYS = np.sort(np.random.default_rng(0).integers(0, 2**64, 3000, np.uint64))


def run_of(keys: Keys, seed: int) -> Run:
    return Run(keys, np.random.default_rng(seed).normal(size=(len(keys), 4)).astype(np.float32))


def test_the_order_of_keys_does_not_matter() -> None:
    """Updates of keys that share no key give equal tables in any order, also where tables have grown differently."""
    runs = [run_of(KEYS[part::3].copy(), part) for part in range(3)]
    tables = []
    for order in ([0, 1, 2], [2, 0, 1]):
        table = Table(BLOCKS)
        for part in order:
            table.update(runs[part])
        tables.append(table.arrays())
    assert np.array_equal(tables[0]["keys"], KEYS)
    assert all(tables[0][name].tobytes() == tables[1][name].tobytes() for name in tables[0])


def test_unknown_keys_are_not_added() -> None:
    """To ask for weights adds no key: an unknown one has those that it would begin with, or none."""
    table = Table(BLOCKS)
    table.update(run_of(KEYS[:10], 0))
    first = table.weights(KEYS[5:20], unknown_as_first=True)
    none = table.weights(KEYS[5:20], unknown_as_first=False)
    assert len(table) == 10
    assert np.array_equal(first["factors"][5:], first_weights(BLOCKS[1], KEYS[10:20]))
    assert not none["factors"][5:].any()
    assert all(np.array_equal(first[name][:5], none[name][:5]) for name in first)
    table.update(run_of(KEYS[10:20], 1))
    known = table.weights(KEYS[:10], unknown_as_first=True)
    assert np.array_equal(known["factors"][5:], first["factors"][:5])


def test_reading_changes_nothing() -> None:
    """A table whose rows were read before each change has those of one that nobody reads, whatever came in between."""
    read, unread = (Table(BLOCKS, remembered=2) for _ in range(2))
    few = KEYS[:20]
    for change in (
        lambda table: table.update(run_of(few, 0)),
        lambda table: table.update(run_of(few, 1)),
        lambda table: table.take_back(),
        lambda table: table.update(run_of(KEYS[10:30], 2)),
        lambda table: table.update(run_of(few, 3)),
        lambda table: table.before(1).weights(few, unknown_as_first=True),
        lambda table: table.update(run_of(few, 4)),
    ):
        for table in (read, unread):
            change(table)
        assert read.digest == unread.digest
        read.weights(few, unknown_as_first=True)


def test_first_weights() -> None:
    """First weights are even between both bounds, and others for another seed, block or place."""
    weights = first_weights(BLOCKS[1], KEYS)
    assert np.abs(weights).max() <= 0.1
    assert abs(weights.mean()) < 0.002
    assert weights.std() == pytest.approx(0.1 / np.sqrt(3), rel=0.02)
    other_blocks = [BLOCKS[1]._replace(seed=8), BLOCKS[1]._replace(name="others")]
    assert all(np.corrcoef(weights.ravel(), first_weights(b, KEYS).ravel())[0, 1] < 0.05 for b in other_blocks)
    assert abs(np.corrcoef(weights.T)[0, 1]) < 0.05


def test_restored() -> None:
    """A table is what its arrays say, and goes on with the same bits; arrays of another form are refused."""
    table = Table(BLOCKS)
    table.update(run_of(KEYS[::2].copy(), 0))
    arrays = table.arrays()
    other = restored(BLOCKS, arrays)
    for updated in (table, other):
        updated.update(run_of(KEYS, 1))
    assert all(other.arrays()[name].tobytes() == array.tobytes() for name, array in table.arrays().items())
    for broken in ({"keys": arrays["keys"][::-1]}, {"weight": arrays["weight"][1:]}, {"factors": arrays["weight"]}):
        with pytest.raises(ValueError, match=r"keys are not ascending|not float32"):
            restored(BLOCKS, arrays | broken)


def test_what_is_exported() -> None:
    """Keys whose weights are all 0 are left out of the model."""
    blocks = [Block("weight", 1, rule_of(Ftrl(l1=1.0)))]
    table = Table(blocks)
    table.update(Run(KEYS[:3], np.array([[0.5], [2.0], [-3.0]], np.float32)))
    trained = table.trained()
    assert np.array_equal(trained["keys"], KEYS[1:3])
    assert trained["weight"].shape == (2, 1)


@pytest.mark.parametrize(
    ("parts", "sentences"),
    [
        ([Part(0, 4096)], []),
        ([Part(1000, 60_000)], ["the table has 1,000 keys, 60 bytes of memory for each"]),
        (
            [Part(900, 50_000), Part(1100, 70_000)],
            ["the table has 2,000 keys in 2 parts of 900 to 1,100, 60 bytes of memory for each"],
        ),
        (
            [Part(1000, 60_000, 4000)],
            ["the table has 1,000 keys, 60 bytes of memory for each; 4,000 more came too rarely for a row"],
        ),
    ],
    ids=["empty", "whole", "cut", "rare"],
)
def test_sizes_in_words(parts: list[Part], sentences: list[str]) -> None:
    """A user is told how many keys there are, how even the parts are, and what a key costs."""
    assert described(parts) == sentences


def test_digest() -> None:
    """Equal rows have one digest, in whatever order they came; one bit more or less has another."""
    digests = set()
    for order in (range(4), reversed(range(4))):
        table = Table(BLOCKS)
        for number in order:
            table.update(run_of(KEYS, number)._replace(keys=KEYS + np.uint64(1000 * number)))
        digests.add(table.digest)
    assert len(digests) == 1
    assert restored(BLOCKS, table.arrays()).digest in digests
    factors = table._rows.arrays[1]
    factors[2, 1] = np.nextafter(factors[2, 1], np.float32(9))
    assert table.digest not in digests
