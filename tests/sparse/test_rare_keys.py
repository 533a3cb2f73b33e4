"""Keys get rows when they have come often enough, wherever they are counted and whatever is taken back."""

import numpy as np
import pytest

from tests.sparse.test_table import BLOCKS, KEYS, run_of
from yarnml.data.arrays import Array
from yarnml.sparse import rare_keys
from yarnml.sparse.run import Run
from yarnml.sparse.table import Table, between, restored

MIN_COUNT = 4
STEPS = 8


def counted(step: int) -> Run:
    """Sums of some keys, and how often each came: the first ones come often, the last ones hardly ever."""
    random = np.random.default_rng(step)
    keys = KEYS[np.sort(random.choice(300, 60, replace=False, p=np.arange(300, 0, -1) / 45150))]
    counts = random.integers(1, 3, len(keys)).astype(np.float32)
    return Run(keys, np.column_stack([run_of(keys, step).values, counts]))


@pytest.fixture(scope="module")
def expected() -> dict[str, Array]:
    """The arrays of a table without counts that gets only the keys which a dictionary has counted often enough."""
    table = Table(BLOCKS)
    counts: dict[int, int] = {}
    for step in range(STEPS):
        run = counted(step)
        for key, count in zip(run.keys.tolist(), run.values[:, -1].tolist(), strict=True):
            counts[key] = counts.get(key, 0) + int(count)
        often = np.array([counts[key] >= MIN_COUNT for key in run.keys.tolist()])
        table.update(Run(run.keys[often], run.values[often]))
    rare = sorted(key for key, count in counts.items() if count < MIN_COUNT)
    assert len(rare) > 20 < len(table)
    arrays = {"rare_keys": np.array(rare, np.uint64), "rare_counts": np.array([counts[k] for k in rare], np.uint32)}
    return table.arrays() | arrays


def assert_same(arrays: dict[str, Array], expected: dict[str, Array]) -> None:
    assert {name: (a.dtype, a.tobytes()) for name, a in arrays.items()} == {
        name: (a.dtype, a.tobytes()) for name, a in expected.items()
    }


@pytest.mark.parametrize("sweep", [rare_keys.SMALLEST_SWEEP, 5], ids=["kept", "cleared"])
@pytest.mark.parametrize("parts", [1, 3])
def test_rows_come_with_the_count(
    expected: dict[str, Array], sweep: int, parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables of any ranges of keys have the rows and the counts by definition.

    So they do where each update is taken back once, and where they go on from what they wrote.
    """
    monkeypatch.setattr(rare_keys, "SMALLEST_SWEEP", sweep)
    bounds = [number * 2**64 // parts for number in range(parts + 1)]
    tables = [Table(BLOCKS, MIN_COUNT) for _ in range(parts)]
    for step in range(STEPS):
        for number in range(parts):
            part = counted(step).between(*bounds[number : number + 2])
            before = tables[number].arrays()
            tables[number].take_back(tables[number].update(part))
            assert_same(tables[number].arrays(), before)
            tables[number].update(part)
            if step == 3:
                tables[number] = restored(BLOCKS, tables[number].arrays(), MIN_COUNT)
    arrays = [table.arrays() for table in tables]
    assert_same({name: np.concatenate([a[name] for a in arrays]) for name in expected}, expected)
    assert_same(between(expected, *bounds[:2]), arrays[0])
    assert sum(table.parts()[0].rare for table in tables) == len(expected["rare_keys"])


def test_a_rare_key_contributes_nothing(expected: dict[str, Array]) -> None:
    """A key without a row has weights of 0 in training, too, until it gets its row."""
    table = restored(BLOCKS, expected, MIN_COUNT)
    rare = expected["rare_keys"]
    assert not any(w.any() for w in table.weights(rare, unknown_as_first=True).values())
    run = Run(rare, np.full((len(rare), 5), MIN_COUNT, np.float32))
    table.update(run)
    assert all(w.any(axis=1).all() for w in table.weights(rare, unknown_as_first=True).values())
    assert table.parts()[0].rare == 0


@pytest.mark.parametrize(
    "broken",
    [
        {"rare_keys": KEYS[:3], "rare_counts": np.ones(2, np.uint32)},
        {"rare_keys": KEYS[:2][::-1], "rare_counts": np.ones(2, np.uint32)},
        {"rare_keys": KEYS[:2], "rare_counts": np.zeros(2, np.uint32)},
        {"rare_keys": KEYS[:2], "rare_counts": np.ones(2, np.float32)},
    ],
    ids=["lengths", "order", "zero", "type"],
)
def test_counts_of_another_form(expected: dict[str, Array], broken: dict[str, Array]) -> None:
    """Counts that no table wrote are refused."""
    with pytest.raises(ValueError, match="rare keys"):
        restored(BLOCKS, expected | broken, MIN_COUNT)
