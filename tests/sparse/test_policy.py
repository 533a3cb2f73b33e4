"""Keys get rows and lose them by definition, wherever they are counted, whatever is taken back and continued."""

import numpy as np
import pytest
from msgspec.structs import replace

from tests.sparse.test_table import BLOCKS, KEYS, run_of
from yarnml.data.arrays import Array
from yarnml.sparse import rare_keys, table
from yarnml.sparse.policy import KeyPolicy
from yarnml.sparse.run import Run
from yarnml.sparse.stored import between, joined, overlaid
from yarnml.sparse.table import Table, restored

STEPS = 12
COUNTED = KeyPolicy(min_count=4)
POLICIES = {
    "count": COUNTED,
    "probability": KeyPolicy(probability=0.2, seed=3),
    "age": KeyPolicy(max_age=2),
    "count, age": KeyPolicy(min_count=3, max_age=2),
    "probability, age": KeyPolicy(probability=0.4, max_age=1),
}


def counted(step: int) -> Run:
    """Sums of some keys, and how often each came: the first ones come often, the last ones hardly ever."""
    random = np.random.default_rng(step)
    keys = KEYS[np.sort(random.choice(300, 60, replace=False, p=np.arange(300, 0, -1) / 45150))]
    counts = random.integers(1, 3, len(keys)).astype(np.float32)
    return Run(keys, np.column_stack([run_of(keys, step).values, counts]))


def sums_of(step: int, policy: KeyPolicy) -> Run:
    """Those of a step as a table with this policy gets them."""
    run = counted(step)
    return Run(run.keys, np.ascontiguousarray(run.values[:, :-1])) if policy.admits_all else run


def by_definition(policy: KeyPolicy) -> dict[str, Array]:
    """The arrays of a table after all steps: a dictionary with a table of one row for each key."""
    rows: dict[int, tuple[Table, int]] = {}
    rare: dict[int, tuple[int, int]] = {}
    made = 0

    def evict(step: int) -> None:
        for known in (rows, rare):
            for key in [key for key, (_, last) in known.items() if policy.max_age and step - last > policy.max_age]:
                del known[key]

    for step in range(STEPS):
        evict(step)
        run = counted(step)
        for i, key in enumerate(run.keys.tolist()):
            if key not in rows:
                count = rare.pop(key, (0, 0))[0] + int(run.values[i, -1])
                if policy.min_count > 1 and count < policy.min_count:
                    rare[key] = count, step + 1
                    continue
                if policy.probability < 1 and not policy.draw(run.keys[i : i + 1], run.values[i : i + 1, -1], step):
                    continue
                rows[key] = Table(BLOCKS), 0
                made += 1
            rows[key][0].update(Run(run.keys[i : i + 1], np.ascontiguousarray(run.values[i : i + 1, :-1])))
            rows[key] = rows[key][0], step + 1
    evict(STEPS)
    arrays = joined([rows[key][0].arrays() for key in sorted(rows)])
    if policy.max_age:
        arrays["keys.touched"] = np.array([rows[key][1] for key in sorted(rows)], np.int32)
    if policy.has_clock:
        arrays["keys.clock"] = np.array([STEPS, made - len(rows)])
    if policy.min_count > 1:
        arrays["rare_keys"] = np.array(sorted(rare), np.uint64)
        arrays["rare_counts"] = np.array([rare[key][0] for key in sorted(rare)], np.uint32)
        if policy.max_age:
            arrays["rare_keys.touched"] = np.array([rare[key][1] for key in sorted(rare)], np.int32)
    assert len(rows) > 20
    return arrays


def assert_same(arrays: dict[str, Array], expected: dict[str, Array]) -> None:
    assert {name: (a.dtype, a.tobytes()) for name, a in arrays.items()} == {
        name: (a.dtype, a.tobytes()) for name, a in expected.items()
    }


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize(("parts", "sweep"), [(1, rare_keys.SMALLEST_SWEEP), (3, 5)], ids=["whole", "cut, swept"])
def test_rows_by_definition(name: str, parts: int, sweep: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of any ranges of keys have the rows, ages and counts that a dictionary has.

    So they do where each update is taken back once, and where others go on from what they wrote.
    """
    policy = POLICIES[name]
    monkeypatch.setattr(rare_keys, "SMALLEST_SWEEP", sweep)
    monkeypatch.setattr(table, "SMALLEST_SWEEP", sweep)
    bounds = [(number * 2**64 // parts, (number + 1) * 2**64 // parts) for number in range(parts)]
    tables = [Table(BLOCKS, policy, 1) for _ in bounds]
    for step in range(STEPS):
        for number, own in enumerate(bounds):
            part = sums_of(step, policy).between(*own)
            before = tables[number].arrays(before=0)
            digest = tables[number].digest
            tables[number].update(part)
            tables[number].take_back()
            assert_same(tables[number].arrays(before=0), before)
            assert tables[number].digest == digest
            tables[number].update(part)
        if step == 5:
            whole = joined([t.arrays() for t in tables])
            tables = [restored(BLOCKS, between(whole, *own), policy, 1) for own in bounds]
    expected = by_definition(policy)
    assert_same(joined([t.arrays(before=0) for t in tables]), expected)
    sizes = [t.parts()[0] for t in tables]
    assert sum(size.rare for size in sizes) == len(expected.get("rare_keys", ()))
    evicted = sum(size.evicted for size in sizes)
    assert evicted == (expected["keys.clock"][1] if policy.has_clock else 0)
    assert (evicted > 20) == (policy.max_age > 0)
    if sweep == 5 and policy.max_age:
        assert sum(len(t._index.keys) for t in tables) < evicted + len(expected["keys"])


@pytest.mark.parametrize("name", POLICIES)
def test_several_updates_back(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table gives the weights from before some updates, goes back by them, and has the same bits when it goes on.

    So it does where rows are freed in between, and where another table was restored from what it remembers.
    """
    policy = POLICIES[name]
    monkeypatch.setattr(rare_keys, "SMALLEST_SWEEP", 5)
    monkeypatch.setattr(table, "SMALLEST_SWEEP", 5)
    asked = KEYS[:310]
    newest = Table(BLOCKS, policy, 3)
    weights = []
    arrays = []
    for step in range(STEPS):
        weights.append(newest.weights(asked, unknown_as_first=True))
        arrays.append(newest.arrays(before=0))
        newest.update(sums_of(step, policy))
        tables = [newest]
        if step == 7:
            copied = joined([between(newest.arrays(), low, high) for low, high in ((0, 2**63), (2**63, 2**64))])
            tables.append(restored(BLOCKS, copied, policy, 3))
        for some in tables:
            for updates in range(1, min(3, step + 1) + 1):
                older = some.before(updates)
                first = step + 1 - updates
                assert_same(older.weights(asked, unknown_as_first=True), weights[first])
                own = sums_of(first, policy).keys
                places = np.searchsorted(asked, own)
                expected = {block: rows[places] for block, rows in weights[first].items()}
                assert_same(older.weights(own, unknown_as_first=True), expected)
        if step == 7:
            for back in range(step, step - 3, -1):
                newest.take_back()
                assert_same(newest.arrays(before=0), arrays[back])
            for again in range(step - 2, step + 1):
                newest.update(sums_of(again, policy))
    assert_same(newest.arrays(before=0), by_definition(policy))
    with pytest.raises(IndexError):
        newest.before(4)


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("parts", [1, 3])
def test_what_has_changed(name: str, parts: int) -> None:
    """The rows of a table, and of later ones only what changed, make the newest table, however they are cut."""
    policy = replace(POLICIES[name], tracked=True)
    whole = Table(BLOCKS, policy)
    layers = []
    for step in range(STEPS):
        whole.update(sums_of(step, policy))
        if step in (4, 7, 8):
            layers.append(whole.arrays({4: None, 7: 3, 8: 1}[step]))
    assert len(layers[2]["keys"]) < len(whole)
    bounds = [(number * 2**64 // parts, (number + 1) * 2**64 // parts) for number in range(parts)]
    tables = []
    for own in bounds:
        arrays: dict[str, Array] = {}
        for layer in layers:
            arrays = overlaid(arrays, between(layer, *own)) if arrays else between(layer, *own)
        tables.append(restored(BLOCKS, arrays, policy))
    for step in range(9, STEPS):
        for number, own in enumerate(bounds):
            tables[number].update(sums_of(step, policy).between(*own))
    assert_same(joined([t.arrays() for t in tables]), whole.arrays())


@pytest.mark.parametrize("count", [1, 3, 40])
def test_admission_by_probability(count: int) -> None:
    """A key that comes c times in a step gets its row with 1 - (1 - p)^c, anew in each step, and for each seed."""
    policy = KeyPolicy(probability=0.05, seed=1)
    keys = np.random.default_rng(1).integers(0, 2**64, 100_000, np.uint64)
    counts = np.full(len(keys), count, np.float32)
    drawn = [policy.draw(keys, counts, 7), policy.draw(keys, counts, 8)]
    drawn.append(KeyPolicy(probability=0.05, seed=2).draw(keys, counts, 7))
    share = 1 - 0.95**count
    deviation = np.sqrt(share * (1 - share) / len(keys))
    assert np.mean(drawn, axis=1) == pytest.approx(share, abs=4 * deviation)
    assert np.abs(np.corrcoef(drawn)[np.triu_indices(3, 1)]).max() < 0.02


def test_a_key_without_a_row_contributes_nothing() -> None:
    """A key without a row has weights of 0, in training, too: before it gets one, and after that is evicted."""
    table = Table(BLOCKS, KeyPolicy(min_count=2, max_age=1))
    keys = KEYS[:5]
    once = Run(keys, np.ones((5, 5), np.float32))
    nothing = Run(keys[:0], once.values[:0])
    states = []
    for run in (once, once, nothing, nothing):
        table.update(run)
        states.append([w.any() for w in table.weights(keys, unknown_as_first=True).values()])
    assert states == [[False, False], [True, True], [True, True], [False, False]]
    assert table.parts()[0][2:] == (0, 5)
    assert not len(table.trained()["keys"])


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
def test_counts_of_another_form(broken: dict[str, Array]) -> None:
    """Counts that no table wrote are refused."""
    with pytest.raises(ValueError, match="rare keys"):
        restored(BLOCKS, Table(BLOCKS, COUNTED).arrays() | broken, COUNTED)
