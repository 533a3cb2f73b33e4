"""Pieces of texts: against byte-pair encoding as its paper has it, on real texts; the same however rows are cut."""

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.preparing import Step, passes, plan, prepared, step
from yarnml.data.prepare.byte_pairs import Encoder, frequent_characters, learn, words_of
from yarnml.errors import DataError, JobFileError
from yarnml.job.load import load_job
from yarnml.job.prepare import Pieces

LENGTH = 40
PIECES = step("pieces", "x", length=LENGTH, vocabulary=120)


def merge_in(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    """A word with a pair of neighbours as one, from the left."""
    result: list[str] = []
    for symbol in word:
        if result and (result[-1], symbol) == pair:
            result[-1] = "".join(pair) + "\0"  # it can't be the first of another pair yet
        else:
            result.append(symbol)
    return tuple(symbol.removesuffix("\0") for symbol in result)


def learn_by_the_paper(words: Counter[str], size: int, least: int) -> tuple[list[str], list[tuple[str, str]]]:
    """Algorithm 1 of Sennrich et al., 2016, which counts all pairs anew for each merge."""
    spelt = {tuple(word): count for word, count in words.items()}
    pieces = sorted({character for word in words for character in word})
    merges = []
    while len(pieces) < size:
        counts: Counter[tuple[str, str]] = Counter()
        for word, count in spelt.items():
            for pair in pairwise(word):
                counts[pair] += count
        best = min(counts, key=lambda pair: (-counts[pair], *map(pieces.index, pair)), default=None)
        if best is None or counts[best] < least:
            break
        merges.append(best)
        pieces += [] if "".join(best) in pieces else ["".join(best)]
        spelt = {merge_in(word, best): count for word, count in spelt.items()}
    return pieces, merges


def spell_by_the_paper(word: str, merges: list[tuple[str, str]]) -> tuple[str, ...]:
    """Every merge in turn, wherever it can be made."""
    symbols = tuple(word)
    for pair in merges:
        symbols = merge_in(symbols, pair)
    return symbols


def check_against_the_paper(words: Counter[str], size: int, least: int) -> None:
    expected, expected_merges = learn_by_the_paper(words, size, least)
    pieces, merges = learn(words, frequent_characters(words, 10_000, 1), size, least)
    assert pieces == expected
    assert [(pieces[left], pieces[right]) for left, right in merges] == expected_merges
    encoder = Encoder(pieces, merges)
    for word in words:
        assert tuple(pieces[place] for place in encoder.pieces(word)) == spell_by_the_paper(word, expected_merges)


@pytest.fixture(scope="module")
def texts(docstrings: Path) -> list[str]:
    texts: list[str] = pq.read_table(docstrings / "test")["doc"].to_pylist()
    return texts


def test_pieces_of_real_texts_are_those_of_the_paper(texts: list[str]) -> None:
    """Merges, pieces and the spelling of every word agree with counting all pairs anew for each merge."""
    check_against_the_paper(Counter(word for text in texts[:40] for word in words_of(text)), 180, 2)


@settings(max_examples=60)
@given(st.lists(st.text("abc", min_size=1, max_size=9), min_size=1, max_size=12), st.integers(1, 30), st.integers(1, 3))
def test_pieces_of_words_full_of_repeats_are_those_of_the_paper(words: list[str], size: int, least: int) -> None:
    """They agree where pairs overlap, come equally often, and make pieces that are there already."""
    check_against_the_paper(Counter(words), size, least)


def test_pieces_are_those_of_tokenizers(texts: list[str]) -> None:
    """The package ``tokenizers``, where it is installed, learns the same pieces and merges of the same words."""
    tokenizers = pytest.importorskip("tokenizers")
    words = Counter(word for text in texts for word in words_of(text))
    pieces, merges = learn(words, frequent_characters(words, 10_000, 1), 600, 2)
    peer = tokenizers.Tokenizer(tokenizers.models.BPE())
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=600, min_frequency=2, show_progress=False)
    peer.train_from_iterator(([word] * count for word, count in words.items()), trainer)
    model = json.loads(peer.to_str())["model"]
    assert sorted(model["vocab"], key=model["vocab"].get) == pieces
    assert [tuple(pair) for pair in model["merges"]] == [(pieces[left], pieces[right]) for left, right in merges]


@given(st.text())
def test_words_joined_are_the_text(text: str) -> None:
    """No character is lost between words, whatever the text."""
    assert "".join(words_of(text)) == text


def test_ids(texts: list[str], tmp_path: Path) -> None:
    """Ids are 2 and the place of a piece, 1 for unknown characters, 0 behind the last; joined they are the text."""
    asked = [*texts[:20], "", "ßß a"]
    columns, test_columns = ({"x": rows, "y": [0.5] * len(rows)} for rows in (texts, asked))
    data = plan(tmp_path, columns, [PIECES], test_columns, kind="transformer")
    schema = passes(data)
    learnt = schema.features[0].steps[-1]
    assert isinstance(learnt, Pieces)
    assert schema.features[0].ids == 2 + 120 == 2 + len(learnt.values)
    for text, row in zip(asked, prepared(data, "test"), strict=True):
        left = "".join(character if character in learnt.values else "?" for character in text)
        ids = row[row > 0].astype(int)
        known = ["?" if number == 1 else learnt.values[number - 2] for number in ids]
        assert left.startswith("".join(known))
        assert (row[len(ids) :] == 0).all()
        assert len(ids) == LENGTH or left == "".join(known)


@pytest.mark.parametrize("vocabulary", [300, "characters"])
def test_pieces_do_not_depend_on_the_cut(texts: list[str], tmp_path: Path, vocabulary: int | str) -> None:
    """Whatever the number of shards and the order of reports, the pieces, their order and the merges are the same."""
    steps = [PIECES | {"vocabulary": vocabulary}]
    data = plan(tmp_path, {"x": texts, "y": [0.5] * len(texts)}, steps, kind="transformer")
    schema = passes(data, 1)
    assert passes(data, 3) == passes(data, 7) == schema
    learnt = schema.features[0].steps[-1]
    assert isinstance(learnt, Pieces)
    assert (max(map(len, learnt.values or ())) == 1) == (vocabulary == "characters")
    assert bool(learnt.merges) == (vocabulary != "characters")


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([PIECES | {"vocabulary": 0}], r"\[0\]\.vocabulary must be "),
        ([PIECES | {"vocabulary": "words"}], r"\[0\]\.vocabulary must be "),
        ([PIECES | {"values": ["a"]}], r"\[0\]\.values and merges of pieces are what the training rows teach; remove"),
    ],
)
def test_refused_jobs(steps: list[Step], words: str) -> None:
    """Fields that can't be are refused at once, by their names."""
    section = {"train": "a.csv", "features": ["x"], "label": "y", "prepare": steps}
    with pytest.raises(JobFileError, match=words):
        load_job({"name": "job", "data": section, "learner": {"kind": "transformer"}})


@pytest.mark.parametrize(
    ("column", "error", "words"),
    [
        (["", "a", "b"], DataError, r"Column 'x' has no character .* comes 2 times; lower min_count of pieces"),
        ([1.5, 2.5, 3.5], JobFileError, "pieces needs text, but column 'x'"),
    ],
)
def test_columns_without_pieces(tmp_path: Path, column: Any, error: type[Exception], words: str) -> None:
    """A column without a character that repeats, or without text, is named, and what to change."""
    with pytest.raises(error, match=words):
        passes(plan(tmp_path, {"x": column, "y": np.ones(3) / 2}, [PIECES], kind="transformer"))
