"""The job file: what it takes, and the defaults of what it leaves out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.job.documents import data, document, unlabelled
from yarnml.errors import JobFileError
from yarnml.job.document import parse
from yarnml.job.learners import Custom, Mlp
from yarnml.job.load import load_job
from yarnml.job.spec import Data, Job, Training, Workers, size_in_bytes


@pytest.fixture
def load_text(tmp_path: Path) -> Callable[[str], Job]:
    def load(text: str) -> Job:
        path = tmp_path / "job.yaml"
        path.write_text(text)
        return load_job(path)

    return load


MINIMAL = "name: job\ndata: {train: rows.csv, features: [x], label: y}\nlearner: {kind: mlp}\n"


def test_defaults() -> None:
    """Everything but name, data and learner has a default."""
    job = load_job(document())
    assert (job.training, job.workers) == (Training(), Workers())
    assert job.learner == Mlp()
    assert job.export is None


def test_round_trip() -> None:
    """A job written as a mapping reads back as the same job."""
    job = load_job(document(export="models", training={"early_stopping": {}}, data=data(test="t.csv")["data"]))
    assert load_job(msgspec.to_builtins(job)) == job


def test_defaults_of_learners_that_need_all_rows() -> None:
    """A learner whose steps are full passes brings its own defaults for them; what the job file says stands."""
    job = load_job(unlabelled())
    assert (job.training.batch_size, job.training.epochs) == ("full", 20)
    assert load_job(unlabelled(), ("training.epochs=7",)).training.epochs == 7
    assert load_job(msgspec.to_builtins(job)) == job


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (MINIMAL + "workers: {count: 1, count: 2}\n", "The key 'count' is given twice, again in line 4"),
        (MINIMAL + "name: other\n", "The key 'name' is given twice, again in line 4"),
        ("name: [job", "is not valid YAML"),
        ("- name\n", "must hold 'field: value' lines, but holds list"),
        ("", "must hold 'field: value' lines, but holds nothing"),
        ("just text", "must hold 'field: value' lines"),
        ("? [a, b]\n: c\n", "is not valid YAML"),
        ("name: !!map [1]\n", "is not valid YAML"),
        ("name: !!python/object/apply:os.getcwd []\n", "is not valid YAML"),
    ],
)
def test_bad_yaml(load_text: Callable[[str], Job], text: str, words: str) -> None:
    """YAML that is not one mapping of plain values, each key once, is refused in one line."""
    with pytest.raises(JobFileError, match=r"^[^\n]*$") as caught:
        load_text(text)
    assert words in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe", None])
def test_unreadable_file(tmp_path: Path, content: bytes | None) -> None:
    """A job file that is not there, or is not text, is named."""
    path = tmp_path / "job.yaml"
    if content:
        path.write_bytes(content)
    with pytest.raises(JobFileError, match=r"The job file .*job\.yaml can't be read"):
        load_job(path)


@pytest.mark.parametrize("text", ["1e-3", "1E-3", "1.e-3", "0.001", ".1e-2", "+1e-3"])
def test_numbers(load_text: Callable[[str], Job], text: str) -> None:
    """1e-3 is a number, as in every language but YAML 1.1."""
    job = load_text(MINIMAL.replace("kind: mlp", f"kind: mlp, l2: {text}"))
    assert job.learner.l2 == pytest.approx(0.001)


@pytest.mark.parametrize("text", ["no", "Off", "y", "01234", "-07", "12:30", "12:30:45.5", "=", "0o7"])
def test_texts(text: str) -> None:
    """Words, codes and times are texts, as in YAML 1.2; of YAML 1.1 they are booleans and other numbers."""
    assert parse(f"values: [{text}, a]", "it") == {"values": [text, "a"]}
    assert parse(f"{text}: 1", "it") == {text: 1}


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("FALSE", False), ("-0", 0), ("1_000", 1000), ("0x1F", 31)]
)
def test_values(text: str, value: Any) -> None:
    """Booleans are true and false alone; whole numbers may be grouped, or hexadecimal."""
    assert parse(text, "it") is value or parse(text, "it") == value


def test_custom_learner() -> None:
    """``learner: {path: …}`` is the short form of kind custom, and takes the fields of every gradient learner."""
    job = load_job(document(learner={"path": "/m.py:Net", "options": {"width": 3}, "l2": 0.1}))
    assert job.learner == Custom(path="/m.py:Net", options={"width": 3}, l2=0.1)


def test_shards_follow_the_most_workers() -> None:
    """Unless it is set, the number of shards is the larger of workers.count and workers.max."""
    assert load_job(document(workers={"count": 3})).shards == 3
    assert load_job(document(workers={"count": 3, "max": 8})).shards == 8
    assert load_job(document(workers={"count": 3}, training={"shards": 2})).shards == 2


@pytest.mark.parametrize(
    ("size", "bytes_"), [("512 B", 512), ("1 KB", 1000), ("2 MiB", 2 << 20), ("1.5GiB", 3 << 29), ("1 TiB", 1 << 40)]
)
def test_sizes(size: str, bytes_: int) -> None:
    """Sizes are in powers of ten (MB) or of two (MiB)."""
    assert size_in_bytes(size) == bytes_


def test_sections_are_frozen() -> None:
    """A job does not change once it is loaded."""
    job = load_job(document())
    with pytest.raises(AttributeError):
        job.data.label = "z"  # type: ignore[misc]
    assert isinstance(job.data, Data)
