"""Steps that hash: the hash itself, and the counts of values and words by it."""

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.preparing import fnv, plan, prepared, step
from yarnml.data.prepare import hashing
from yarnml.data.prepare.hashing import ALL_BITS, fnv1a, mixed, mixed_quickly, salt


@settings(max_examples=30)
@given(st.lists(st.text(max_size=30)))
def test_fnv1a(texts: list[str]) -> None:
    """The hash is FNV-1a with 64 bits, of any texts, also in the middle of a longer column."""
    column = pa.array([*texts, "foobar", *texts], pa.large_string())
    assert fnv1a(column).tolist() == [fnv(t) for t in [*texts, "foobar", *texts]]
    assert fnv1a(column.slice(len(texts), 1)).tolist() == [0x85944171F73967E8]


def test_loops_mix_as_numpy_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop that numba compiles gives what NumPy does, with a column's salt and with fewer bits."""
    numbers = np.random.default_rng(0).integers(2**64, size=1000, dtype=np.uint64)
    kept = np.uint64(2**64 - 2**40)
    for has_numba in (True, False):
        monkeypatch.setattr(hashing, "has_numba", lambda has_numba=has_numba: has_numba)
        assert np.array_equal(mixed_quickly(numbers), mixed(numbers))
        assert np.array_equal(mixed_quickly(numbers, salt("c"), kept), mixed(numbers ^ salt("c")) & kept)
        assert mixed_quickly(np.zeros(1, np.uint64), kept=ALL_BITS).tolist() == [0xE220A8397B1DCDAF]


def test_hash(tmp_path: Path) -> None:
    """Exactly one of the numbers is 1, by the hash of the value's text; a number and its digits are one."""
    numbers = [7, 12345678901, -3, 7]
    columns = {"a": numbers, "b": [str(n) for n in numbers], "y": [0.5] * 4}
    made = prepared(plan(tmp_path, columns, [step("hash", "a", "b", width=11)]))
    expected = np.eye(11)[[fnv(str(n)) % 11 for n in numbers]]
    assert np.array_equal(made, np.concatenate([expected, expected], axis=1))


def grams(text: str, of: str, low: int, high: int) -> Counter[str]:
    """The words, or parts of words, of a text with their counts, by the document's definition."""
    words = re.findall(r"\w+", text.lower())
    runs = [words] if of == "words" else [list(f" {word} ") for word in words]
    glue = " " if of == "words" else ""
    return Counter(glue.join(r[i : i + n]) for r in runs for n in range(low, high + 1) for i in range(len(r) - n + 1))


@pytest.mark.parametrize(
    ("of", "ngrams"), [("words", [1, 1]), ("words", [1, 3]), ("words", [2, 2]), ("characters", [2, 4])]
)
def test_text(docstrings: Path, tmp_path: Path, of: str, ngrams: list[int]) -> None:
    """Words, runs of words and parts of words are counted where their hash says; without any, all numbers are 0."""
    texts = [*pq.read_table(docstrings / "test")["doc"].to_pylist()[:40], "", "Größe, größe!", "--"]
    width = 101
    expected = np.zeros((len(texts), width))
    for row, text in enumerate(texts):
        for gram, count in grams(text, of, *ngrams).items():
            expected[row, fnv(gram) % width] += count
    steps = [step("text", "x", width=width, of=of, ngrams=ngrams)]
    data = plan(tmp_path, {"x": texts, "y": [0.5] * len(texts)}, steps)
    assert np.array_equal(prepared(data), expected)
