"""The largest numbers of gradients: which of them travel, in which bytes, and that nothing of the others is lost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reduce.allreduces import check_sums, connected
from yarnml.job.spec import TopK
from yarnml.reduce import top_k
from yarnml.reduce.keyed import KeyedVector
from yarnml.reduce.tree import MixedVector
from yarnml.worker.compression import FIRST_SHARE, Largest, share_at
from yarnml.worker.residuals import Residuals

SHARE = 0.01
EXACT = np.ones(2, np.float32)


def normal(seed: int, length: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=length).astype(np.float32)


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=40), st.floats(0.01, 0.99))
@settings(max_examples=100)
def test_the_largest_travel(numbers: list[int], share: float) -> None:
    """A share of all, rounded up, and no 0; of equal ones the first; they and the rest are the vector again."""
    vector = np.array(numbers, np.float32)
    run, rest = top_k.select(vector.copy(), share)
    count = int(np.ceil(share * len(vector)))
    order = sorted(range(len(vector)), key=lambda place: (-abs(vector[place]), place))
    expected = np.zeros_like(vector)
    for place in order[:count]:
        expected[place] = vector[place]
    travelled = top_k.numbers_of(run, len(vector))
    assert travelled.tolist() == expected.tolist()
    assert (travelled + rest).tolist() == vector.tolist()
    assert len(run.keys) == np.count_nonzero(expected)


@pytest.mark.parametrize("form", ["normal", "equal", "few", "rows"])
def test_a_sample_finds_the_threshold(form: str) -> None:
    """About the share of a long vector travels, and never more than twice of it, however its numbers are spread."""
    vector = normal(1, 700_000)
    if form == "equal":
        vector = np.sign(vector)
    elif form == "few":
        vector[1000:] = 0
    elif form == "rows":
        vector.reshape(1000, 700)[:, 1:] *= 1e-3
    run, rest = top_k.select(vector.copy(), SHARE)
    count = SHARE * len(vector)
    assert len(run.keys) <= 2 * count
    assert len(run.keys) >= (0.8 * count if form != "few" else 1000)
    if form != "equal":
        assert np.abs(run.values).min() >= np.abs(rest).max()
    np.testing.assert_array_equal(top_k.numbers_of(run, len(vector)) + rest, vector)


def test_what_is_not_finite_travels() -> None:
    """So that the update shows it, in the step in which it came."""
    vector = normal(2, 1000)
    vector[[3, 700]] = np.nan, -np.inf
    run, rest = top_k.select(vector, SHARE)
    assert np.isfinite(rest).all()
    assert np.count_nonzero(~np.isfinite(run.values)) == 2


def test_nothing_is_lost() -> None:
    """The numbers of a shard that travelled and its residual are the sum of its gradients; a step can come again."""
    residuals = Residuals(delay=1)
    compress = Largest(TopK(share=0.05), residuals)
    gradients = [np.round(8 * normal(step, 200)) for step in range(9)]
    sums = [MixedVector(gradient, EXACT) for gradient in gradients]
    travelled = [top_k.numbers_of(compress(sums[step], step, 4).run, 200) for step in range(9)]
    np.testing.assert_array_equal(sum(travelled) + residuals.before(4, 9), sum(gradients))
    assert residuals.steps == {4: [7, 8, 9]}
    again = [top_k.numbers_of(compress(sums[step], step, 4).run, 200) for step in (7, 8)]
    np.testing.assert_array_equal(again, travelled[7:])
    with pytest.raises(KeyError):
        compress(sums[3], 3, 4)
    residuals.keep([0])
    assert residuals.steps == {}


def test_the_share_falls() -> None:
    """From a quarter to the job's share, the same part less at every step of the warm-up, and stays there."""
    shares = [share_at(TopK(share=0.01, warmup_steps=4), step) for step in range(7)]
    assert shares[0] == FIRST_SHARE
    ratios = np.array(shares[1:5]) / shares[:4]
    np.testing.assert_allclose(ratios, (0.01 / FIRST_SHARE) ** 0.25)
    assert shares[4:] == [0.01] * 3
    assert share_at(TopK(share=0.5, warmup_steps=4), 0) == 0.5


@pytest.mark.parametrize(("workers", "dedicated", "levels"), [(3, 0, 1), (2, 1, 1), (5, 0, 2)])
def test_few_bytes_travel(workers: int, dedicated: int, levels: int) -> None:
    """Over real connections all get the bits of one, and a worker sends 8 bytes for each of its shard's numbers."""
    length = 65_000

    def leaf(step: int, shard: int) -> KeyedVector:
        return KeyedVector(EXACT * shard, top_k.select(normal(10 * step + shard, length), SHARE).run)

    with connected(workers, dedicated, levels=levels) as (allreduces, *_):
        check_sums(allreduces, leaf, steps=2)
        sent = sum(allreduce.sent.bytes for allreduce in allreduces)
    if dedicated:  # workers 0 and 1 have 3 and 2 of the shards, whose numbers are at other places each
        assert sent <= 2 * (5 * 8 * (SHARE * length + 1) + 3 * 8)
        assert sent >= 0.9 * 2 * 5 * 8 * SHARE * length
