"""Steps that make ids of words: against a plain definition on real texts, the same however rows are cut."""

import re
import zlib
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.preparing import Step, fnv, passes, plan, prepared, step
from yarnml.data.prepare.findings import Finding, Words, levels, words_by_level
from yarnml.errors import DataError, JobFileError
from yarnml.job.load import load_job

LENGTH = 12


def first_words(text: str) -> list[str]:
    """The words of a text that get ids, by the document's definition."""
    return re.findall(r"\w+", text.lower())[:LENGTH]


def texts_of(folder: Path) -> list[str]:
    return pq.read_table(folder)["doc"].to_pylist()


@pytest.mark.parametrize("vocabulary", [40, 10_000])
def test_tokens(docstrings: Path, tmp_path: Path, vocabulary: int) -> None:
    """A word's id is its rank among the words of the training rows; other words are 1, and 0 stands behind the last."""
    train = texts_of(docstrings / "train")
    asked = [*texts_of(docstrings / "test")[:40], "", "Größe, größe!", "--"]
    counts = Counter(word for text in train for word in first_words(text))
    often = sorted((word for word in counts if counts[word] >= 3), key=lambda word: (-counts[word], word))[:vocabulary]
    expected = np.zeros((len(asked), LENGTH))
    for row, text in enumerate(asked):
        for place, word in enumerate(first_words(text)):
            expected[row, place] = often.index(word) + 2 if word in often else 1
    steps = [step("tokens", "x", length=LENGTH, vocabulary=vocabulary, min_count=3)]
    columns, test_columns = ({"x": rows, "y": np.ones(len(rows)) / 2} for rows in (train, asked))
    data = plan(tmp_path, columns, steps, test_columns, kind="transformer")
    assert passes(data).features[0].ids == len(often) + 2
    assert np.array_equal(prepared(data, "test"), expected)
    assert {0, 1} < set(expected.ravel())


def test_hashed_tokens_and_given_words(docstrings: Path, tmp_path: Path) -> None:
    """Hashed ids are 2 and the hash's remainder; given words have their ids in the job file's order, without a pass."""
    texts = texts_of(docstrings / "test")[:60]
    columns = {"hashed": texts, "given": texts, "y": [0.5] * len(texts)}
    steps = [
        step("hashed_tokens", "hashed", length=LENGTH, vocabulary=17),
        step("tokens", "given", length=LENGTH, values=["the", "a", "Return"], lower=False),
    ]
    data = plan(tmp_path, columns, steps, kind="embedding_bag")
    assert [feature.ids for feature in data.schema.features] == [19, 5]
    assert data.schema.names[LENGTH - 1 : LENGTH + 1] == ["hashed[11]", "given[0]"]
    given_ids = {"the": 2, "a": 3, "Return": 4}
    expected = np.zeros((len(texts), 2 * LENGTH))
    for row, text in enumerate(texts):
        for place, word in enumerate(re.findall(r"\w+", text)[:LENGTH]):
            expected[row, place] = fnv(word.lower()) % 17 + 2
            expected[row, LENGTH + place] = given_ids.get(word, 1)
    assert np.array_equal(prepared(data), expected)


@pytest.mark.parametrize("shards", [1, 2, 7])
def test_the_vocabulary_does_not_depend_on_the_cut(docstrings: Path, tmp_path: Path, shards: int) -> None:
    """Whatever the number of shards and the order of reports, the words and their order are the same."""
    texts = texts_of(docstrings / "test")
    steps = [step("tokens", "x", length=LENGTH, vocabulary=300, min_count=1)]
    data = plan(tmp_path, {"x": texts, "y": [0.5] * len(texts)}, steps, kind="transformer")
    assert passes(data, shards) == passes(data, 3)


def counted(texts: list[str], limit: int) -> Words:
    column = pa.array(texts, pa.string())
    pairs = [(word, level) for text, level in zip(texts, levels(column), strict=True) for word in text.split()]
    words, level = zip(*pairs, strict=True) if pairs else ((), ())
    return words_by_level(pa.array(words, pa.large_string()), np.array(level, np.int64), limit)


SENTENCES = st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=4).map(" ".join), min_size=1, max_size=30)


@settings(max_examples=60)
@given(SENTENCES, st.integers(0, 30), st.integers(0, 30), st.integers(1, 9))
def test_words_are_the_same_however_they_are_merged(texts: list[str], first: int, second: int, limit: int) -> None:
    """Counts of parts of the rows, merged in any order, are those of all rows, also where only a sample has room."""
    cuts = sorted([0, min(first, len(texts)), min(second, len(texts)), len(texts)])
    a, b, c = (counted(texts[low:high], limit) for low, high in pairwise(cuts))
    whole = counted(texts, limit)
    assert a.merged(b).merged(c) == c.merged(b.merged(a)) == b.merged(c).merged(a) == whole
    assert len(set().union(*whole.levels)) <= limit
    assert msgspec.json.decode(msgspec.json.encode(whole), type=Finding) == whole


def test_the_sample_is_of_rows(docstrings: Path) -> None:
    """With too many words, those of a half, a quarter, … of the rows are counted, as many as there is room for."""
    texts = [" ".join(first_words(text)) for text in texts_of(docstrings / "train")]
    zeros = [len(re.search("0*$", f"{zlib.crc32(text.encode()):032b}")[0]) for text in texts]
    exact = counted(texts, 100_000)
    sampled = counted(texts, 1000)
    assert (exact.lowest, len(set().union(*exact.levels))) > (0, 1000)
    for lowest in (sampled.lowest, sampled.lowest - 1):
        sample = Counter(word for text, n in zip(texts, zeros, strict=True) if n >= lowest for word in text.split())
        assert (len(sample) <= 1000) == (lowest == sampled.lowest)
        if lowest == sampled.lowest:
            assert sampled.frequent(10_000, 1) == sorted(sample, key=lambda word: (-sample[word], word))
    assert sampled.lowest > 0
    assert len(set(exact.frequent(30, 2)) & set(sampled.frequent(30, 2))) > 20


TOKENS = step("tokens", "x", length=3)


@pytest.mark.parametrize(
    ("steps", "learner", "data", "words"),
    [
        ([step("tokens", "x")], "transformer", {}, r"\[0\]\.length, which is missing"),
        ([TOKENS | {"vocabulary": 2**24}], "transformer", {}, r"\[0\]\.vocabulary must be a whole number <= 16777214"),
        ([TOKENS | {"values": ["a", "a"]}], "transformer", {}, r"\[0\]\.values names a value twice"),
        ([TOKENS], "transformer", {"scale": "standard"}, r"scale: standard changes the ids that data\.prepare makes"),
        (
            [TOKENS],
            "softmax",
            {},
            r"softmax takes numbers, but tokens of data\.prepare makes ids .* column 'x'; choose",
        ),
        ([step("hashed_tokens", "x", length=3)], "boosting", {}, r"boosting takes numbers, but hashed_tokens"),
        ([TOKENS], "embedding_bag", {"features": ["x", "z"]}, r"nothing makes them of column 'z'; add tokens"),
        ([TOKENS], "transformer", {"features": ["x", "z"]}, r"nothing makes them of column 'z'; add tokens"),
        ([step("text", "x", width=3)], "embedding_bag", {}, r"nothing makes them of column 'x'"),
    ],
)
def test_refused_jobs(steps: list[Step], learner: str, data: dict[str, Any], words: str) -> None:
    """Ids for a learner of numbers, numbers for a learner of ids, and ids that would be scaled are refused at once."""
    section = {"train": "a.csv", "features": ["x"], "label": "y", "prepare": steps, **data}
    with pytest.raises(JobFileError, match=words):
        load_job({"name": "job", "data": section, "learner": {"kind": learner}})


def test_heads_share_the_embedding() -> None:
    """An embedding that the heads can't share evenly is refused with both numbers."""
    data = {"train": "a.csv", "features": ["x"], "label": "y", "prepare": [TOKENS]}
    with pytest.raises(JobFileError, match=r"learner\.embedding .* multiple of learner\.heads \(3\), not 64"):
        load_job({"name": "job", "data": data, "learner": {"kind": "transformer", "heads": 3}})


def test_a_column_without_words_that_repeat(tmp_path: Path) -> None:
    """Without a word that comes often enough there is no vocabulary: the column is named, and what to change."""
    data = plan(tmp_path, {"x": ["one", "two, three", ""], "y": [0.5] * 3}, [TOKENS], kind="transformer")
    with pytest.raises(DataError, match=r"Column 'x' has no word .* comes 2 times; lower min_count of tokens"):
        passes(data)
