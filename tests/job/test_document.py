"""Documents that are no job: read in time, refused in one sentence, whatever bytes they are."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import yarnml
from tests.job.documents import document
from yarnml.errors import JobFileError
from yarnml.job.load import load_job

LINES = """
name: a
data: {train: a.csv, features: [x], label: y}
learner: {kind: linear}
"""


def refused(source: Any, *overrides: str) -> str:
    with pytest.raises(JobFileError) as caught:
        load_job(source, overrides)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("seed: 2024-13-45", "line 5, column 7: this is no timestamp that can be read; put it in quotes if it is text"),
        ("seed: !!int abc", "column 7: this is no int that can be read"),
        ("seed: !!float x", "column 7: this is no float that can be read"),
        ("seed: !!bool maybe", "column 7: this is no bool that can be read"),
        ("seed: !!timestamp soon", "column 7: this is no timestamp that can be read"),
        ("seed: !!python/object:os.system x", "column 7: could not determine a constructor for the tag"),
        (f"seed: {'9' * 5000}", "column 7: this is no int that can be read"),
        (f"seed: {'9' * 30}", "seed is a whole number of more than 64 bits."),
        ("seed: &a [*a]", "has more than 32 levels of lists and mappings in each other."),
        ("seed: &a {b: *a}", "has more than 32 levels"),
        (f"seed: {'[' * 5000}{']' * 5000}", "has more than 32 levels"),
        (f"seed: {'{a: ' * 500}1{'}' * 500}", "has more than 32 levels"),
        ("seed: [1, 2", "line 6, column 1: expected ',' or ']'"),
        ('seed: "a\\0b"', "seed holds a character of value 0, which no text of a job may."),
        ('seed: "\\ud800"', "seed holds bytes that are no UTF-8"),
        ('environment: {variables: {A: "x\\0y"}}', "environment.variables.A holds a character of value 0"),
        ('"a\\0b": 1', "holds a character of value 0"),
        ('name: "a\\n"', "The key 'name' is given twice"),
    ],
)
def test_lines_that_are_refused(line: str, words: str, tmp_path: Path) -> None:
    """Values that YAML can't read, that have no end, or that no message can hold."""
    path = tmp_path / "job.yaml"
    path.write_text(f"{LINES}{line}\n")
    assert words in refused(path)


def test_aliases_that_grow(tmp_path: Path) -> None:
    """A few lines that stand for billions of values are refused before anything walks over them."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    path = tmp_path / "job.yaml"
    path.write_text("\n".join(lines))
    assert "has more than 500000 values." in refused(path)


@pytest.mark.parametrize(
    ("place", "make", "words"),
    [
        ("fifo", os.mkfifo, "is a named pipe, not a file"),
        ("folder", os.mkdir, "directory"),
        ("none", lambda path: None, "No such file"),
        ("zeros", lambda path: os.symlink("/dev/zero", path), "is a device, not a file"),
        ("loop", lambda path: os.symlink(path, path), "can't be read"),
        ("large", lambda path: path.write_bytes(b"#" * 2**20 + b"\n"), "it has 1,048,577 bytes, more than 1,048,576"),
        ("sparse", lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_WRONLY), 2**33), "more than 1,048,576"),
        ("bytes", lambda path: path.write_bytes(b"name: \xff\xfe"), "can't decode byte 0xff"),
        ("control", lambda path: path.write_bytes(b"name: \x01"), "special characters are not allowed"),
        ("empty", Path.touch, "must hold 'field: value' lines, but holds nothing."),
    ],
)
def test_files_that_are_refused(place: str, make: Callable[[Path], Any], words: str, tmp_path: Path) -> None:
    """A FIFO that nobody writes to, a device without end and a file of gigabytes are refused at once."""
    make(tmp_path / place)
    assert words in refused(tmp_path / place)


@pytest.mark.parametrize("source", [None, 5, [], object(), b"job.yaml", "a\0b"])
def test_what_is_no_job(source: Any) -> None:
    """`yarnml.run` of something else is the same kind of mistake as a wrong job file."""
    with pytest.raises(JobFileError):
        yarnml.run(source)


def test_a_folder_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths can't be taken from a working folder that somebody has removed."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    for source in (document(), "job.yaml"):
        assert refused(source) == "The working folder is gone; change to one that exists."


def test_a_folder_whose_name_is_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file and no message could hold its path."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    folder.mkdir()
    (folder / "job.yaml").write_text(LINES)
    assert "is a name that is not UTF-8; rename it" in refused(folder / "job.yaml")
    monkeypatch.chdir(folder)
    assert refused(document()).startswith("data.train holds bytes that are no UTF-8")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ('name="a\\n"', "name must be letters, digits, '.', '_', '-', not str 'a\\n'."),
        ('workers.memory="2 GiB\\n"', "workers.memory must be a size such as '512 MiB'"),
        ('workers.cache="1 GiB\\n"', "workers.cache must be a size such as '512 MiB'"),
        ('checkpoint.every="1 epoch\\n"', "checkpoint.every must be such as '1 epoch' or '500 steps'"),
        ('evaluation.every="1 epoch\\n"', "evaluation.every must be such as '1 epoch' or '10 epochs'"),
        ("workers.cache=999999999999999999999999999999 TiB", "workers.cache must be a size such as '512 MiB'"),
        ("workers.memory=1025 TiB", "workers.memory must be at most 1024 TiB, not 1025 TiB."),
        ("training.epochs=100000000000000000000", "the value is a whole number of more than 64 bits."),
        ("training.epochs=10000000000", "training.epochs must be a whole number <= 2147483647, not int 10000000000."),
        ("workers.vcores=1000000", "workers.vcores must be a whole number <= 4096, not int 1000000."),
        ("workers.count=1000000", "workers.count must be a whole number <= 10000, not int 1000000."),
        ("reducers.count=1000000", "reducers.count must be a whole number <= 10000, not int 1000000."),
        ("workers.timeout=1e300", "workers.timeout must be a number <= 1000000000.0, not float 1e+300."),
        ("workers.timeout=.inf", "workers.timeout must be a number <= 1000000000.0, not float inf."),
        ("learner.l2=.nan", "learner.l2 must be a number >= 0.0, not float nan."),
        ("learner.l2=1e39", "learner.l2 must be a number <= 1e+30, not float 1e+39."),
    ],
)
def test_values_without_bounds(override: str, words: str) -> None:
    """Every number has a largest one, and a newline at the end of a text is a part of it."""
    assert words in refused(document(), override)


def test_every_number_of_the_schema_has_bounds() -> None:
    """But for values that are compared with those of a column, whose bounds are the column's own."""
    schema = json.loads(Path(yarnml.__file__).parents[1].joinpath("appspec/job.schema.json").read_bytes())
    columns_own = {"Data.classes", "Impute.value", "OneHot.values", "Category.values", "Embedding.values"}
    columns_own |= {"Frequency.values", "Target.values", "Target.fold_edges"}
    columns_own |= {
        f"{kind}.edges"
        for kind in ("Bucket", "Clip", "MinMax", "Robust", "QuantileShare", "Tfidf", "Frequency", "Target")
    }
    unbounded = {
        f"{kind}.{field}"
        for kind, section in schema["$defs"].items()
        for field, spec in section.get("properties", {}).items()
        for number in numbers(spec)
        if not {"maximum", "exclusiveMaximum"} & set(number)
    }
    assert unbounded == columns_own


def numbers(spec: Any) -> list[dict[str, Any]]:
    """The parts of a schema that are numbers."""
    if isinstance(spec, list):
        return [number for part in spec for number in numbers(part)]
    if not isinstance(spec, dict):
        return []
    own = [spec] if spec.get("type") in ("integer", "number") else []
    return own + [number for part in spec.values() for number in numbers(part)]
