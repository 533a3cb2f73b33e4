"""Kinds of bad input: how each spoils a good job, and what its user must read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

Job = dict[str, Any]
Spoil = Callable[[Path, Job], None]

ROWS = 40
X = [float(i % 7) for i in range(ROWS)]
CLASSES = [i % 2 for i in range(ROWS)]
NUMBERS = [i / 2 for i in range(ROWS)]
PAIRS = [[x, 1.0] for x in X]


def write(path: Path, **columns: Any) -> None:
    pq.write_table(pa.table(columns), path, row_group_size=10)


class Case(NamedTuple):
    """A kind of bad input: its exit status, a pattern of the sentence on stderr, and how a good job is spoilt."""

    name: str
    status: int
    words: str
    spoil: Spoil


def job(section: str, **fields: Any) -> Spoil:
    """Changes fields of one section of the job file."""

    def spoil(folder: Path, job: Job) -> None:
        job[section] = job.get(section, {}) | fields

    return spoil


def linear_classes(folder: Path, job: Job) -> None:
    job["learner"] = {"kind": "linear"}
    job["data"]["label_type"] = "class"


def data(name: str = "train", fields: Job | None = None, **columns: Any) -> Spoil:
    """Replaces columns of a data file, and fields of the job file's data section; None drops a column."""

    def spoil(folder: Path, job: Job) -> None:
        kept = {n: c for n, c in ({"x": X, "y": CLASSES} | columns).items() if c is not None}
        write(folder / f"{name}.parquet", **kept)
        job["data"] |= fields or {}

    return spoil


def text(name: str, content: str, **fields: Any) -> Spoil:
    """Writes a text file, and changes fields of the job file's data section."""

    def spoil(folder: Path, job: Job) -> None:
        (folder / name).write_text(content)
        job["data"] |= fields

    return spoil


def torn(keep: float) -> Spoil:
    """Cuts the training data off after a part of its bytes."""

    def spoil(folder: Path, job: Job) -> None:
        path = folder / "train.parquet"
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * keep)])

    return spoil


def overwritten(folder: Path, job: Job) -> None:
    """Leaves the footer, spoils the pages."""
    path = folder / "train.parquet"
    content = bytearray(path.read_bytes())
    content[4:60] = bytes(255 - b for b in content[4:60])
    path.write_bytes(content)


def two_tables(folder: Path, job: Job) -> None:
    (folder / "in").mkdir()
    write(folder / "in/1.parquet", x=X, y=CLASSES)
    write(folder / "in/2.parquet", z=X, y=CLASSES)
    job["data"]["train"] = "in"


def count(value: float) -> Spoil:
    """Spoils one number to be predicted by a learner of counts."""

    def spoil(folder: Path, job: Job) -> None:
        write(folder / "train.parquet", x=X, y=but(NUMBERS, 12, value))
        job["data"] |= ALONE
        job["learner"] = {"kind": "poisson"}

    return spoil


def nan_for(kind: str, value: float = float("nan"), **options: Any) -> Spoil:
    """Spoils one number for a learner that needs no steps of a certain length."""

    def spoil(folder: Path, job: Job) -> None:
        write(folder / "train.parquet", x=but(X, 5, value), y=CLASSES)
        job["learner"] = {"kind": kind, **options}
        job["training"] = {}
        if kind not in ("naive_bayes", "tree"):
            del job["data"]["label"]

    return spoil


def below_a_file(section: str) -> Spoil:
    def spoil(folder: Path, job: Job) -> None:
        (folder / "file").write_text("in the way")
        if section == "export":
            job["export"] = "file/models"
        else:
            job["checkpoint"] = {"path": "file/job"}

    return spoil


def a_file_for_a_folder(folder: Path, job: Job) -> None:
    (folder / "models").write_text("in the way")


def taken_version(folder: Path, job: Job) -> None:
    (folder / "models/3").mkdir(parents=True)
    job["export"] = {"path": "models", "version": 3}


def with_labels(*labels: Any) -> list[Any]:
    return [labels[i % len(labels)] for i in range(ROWS)]


def but(values: list[Any], at: int, value: Any) -> list[Any]:
    """The values with another one in place ``at``."""
    return [*values[:at], value, *values[at + 1 :]]


CSV = "x,y\n" + "".join(f"{x},{y}\n" for x, y in zip(X, CLASSES, strict=True))
EMPTY = pa.array([], pa.float64())
SCALED = {"scale": "standard"}
ALONE = {"test": None}
WEIGHTED = {"weight": "w", **ALONE}
ONE_HOT = {"kind": "one_hot", "columns": ["x"]}

JOB_FILE = [
    Case("unknown key", 2, r"workers has an unknown key 'coutn'; did you mean 'count'\?", job("workers", coutn=2)),
    Case("wrong type", 2, r"workers\.count must be a whole number, not str 'two'", job("workers", count="two")),
    Case("missing file", 2, r"data\.train: there is no file at .*none\.csv", job("data", train="none.csv")),
    Case("missing test", 2, r"data\.test: there is no file at .*/no/\*", job("data", test="no/*")),
    Case("no protocol", 2, r"data\.train: foo://x has an unknown protocol", job("data", train="foo://x")),
    Case("checkpoint protocol", 2, r"checkpoint\.path: foo://x has an unknown", job("checkpoint", path="foo://x")),
    Case("no column", 2, r"data\.features: .*train\.parquet has no column 'z'; it has x", job("data", features=["z"])),
    Case("no label", 2, r"data\.label: .* has no column 'z'; it has x, y", job("data", label="z")),
    Case("no label in test", 2, r"data\.label: .*test\.parquet has no column 'y'; it has x", data("test", y=None)),
    Case("text feature", 2, r"'x' of .*train\.parquet must hold numbers or lists", data(x=with_labels("a", "b"))),
    Case("step", 2, r"data\.prepare\[0\]\.kind must be one of impute, .* did you mean 'one_hot'",
         job("data", prepare=[ONE_HOT | {"kind": "onehot"}])),
    Case("shape", 2, r"data\.shape \[2, 3\] holds 6 numbers, but the feature", job("data", shape=[2, 3])),
    Case("format", 2, r"format of .*train\.tsv can't be told from its name", text("train.tsv", CSV, train="train.tsv")),
    Case("optimizer", 2, r"'adm'.* did you mean adam", job("learner", optimizer={"kind": "adm"})),
    Case(
        "optimizer argument",
        2,
        r"learner\.optimizer.*adam.* 'rate'",
        job("learner", optimizer={"kind": "adam", "rate": 1}),
    ),
    Case("logistic", 2, r"logistic needs 2 classes, but 'y' has 3; choose softmax", data(y=with_labels(0, 1, 2))),
    Case("one class", 2, r"logistic needs two classes or more; 'y' has 1", data(y=with_labels(1))),
    Case("linear", 2, r"linear predicts numbers, but 'y' is a class label", linear_classes),
    Case("logistic of numbers", 2, r"logistic predicts classes, but 'y' holds numbers", data(y=NUMBERS)),
    Case("a metric of another label", 2, r"evaluation\.metrics: this job can be judged by loss, accuracy.*not by mae",
        job("evaluation", metrics=["mae"])),
    Case("no evaluation metric", 2, r"early_stopping\.metric: this job can be judged by loss, accuracy.*not by acuracy",
         job("training", early_stopping={"metric": "acuracy"})),
]  # fmt: skip

CONTENTS = [
    Case("stray word", 1, r"train\.csv .*column 'x': .*invalid value 'oops'",
         text("train.csv", CSV + "oops,1\n", train="train.csv")),
    Case("short line", 1, r"train\.csv .*not readable CSV.*Expected 2 columns",
         text("train.csv", CSV + "1\n", train="train.csv")),
    Case("CSV null", 1, r"train\.csv: column 'x' has 1 nulls", text("train.csv", CSV + ",1\n", train="train.csv")),
    Case("feature null", 1, r"train\.parquet: column 'x' has 1 nulls; fill", data(x=but(X, 12, None))),
    Case("category null", 1, r"column 'x' has 1 nulls; fill them \(data\.prepare, kind: impute\)",
         data(x=but(with_labels("a", "b"), 12, None), fields={"prepare": [ONE_HOT], **ALONE})),
    Case("label null", 1, r"train\.parquet: column 'y' has 1 nulls; fill", data(y=but(CLASSES, 12, None))),
    Case("weight null", 1, r"column 'w' has 1 nulls; fill", data(w=but(X, 3, None), fields=WEIGHTED)),
    Case("negative weight", 1, r"weight column 'w' must hold finite numbers of 0 or more",
         data(w=but(X, 3, -1.0), fields=WEIGHTED)),
    Case("null in a list", 1, r"the lists of column 'x' hold 1 nulls",
         data(x=but(PAIRS, 12, [1.0, None]), fields=ALONE)),
    Case("ragged", 1, r"column 'x' needs lists of 2 numbers, found one of 3",
         data(x=but(PAIRS, 12, [1.0, 2.0, 3.0]), fields=ALONE)),
    Case("no rows", 1, r"data\.train: .*train\.parquet holds no rows", data(x=EMPTY, y=EMPTY)),
    Case("empty Parquet", 1, r"train\.parquet is not a readable Parquet file", torn(0)),
    Case("empty CSV", 1, r"train\.csv is empty: a CSV file needs a header", text("train.csv", "", train="train.csv")),
    Case("truncated", 1, r"train\.parquet is not a readable Parquet file", torn(0.8)),
    Case("no Parquet", 1, r"train\.parquet is not a readable Parquet file", text("train.parquet", CSV)),
    Case("spoilt pages", 1, r"Row group 0 of .*train\.parquet can't be read", overwritten),
    Case("label too large", 1, r"train\.parquet: label 'y' holds 1e\+300, which float32 can't hold", count(1e300)),
    Case("label NaN", 1, r"train\.parquet: label 'y' holds NaN; mend or drop these rows", count(float("nan"))),
    Case("strange label", 1, r"test\.parquet: label 'y' holds 7, which is none of the classes \(0, 1\)",
         data("test", y=but(CLASSES, 5, 7))),
    Case("label of another type", 1, r"test\.parquet: label 'y' holds 'a', which is none of the classes \(0, 1\)",
         data("test", y=with_labels("a", "b"))),
    Case("class not listed", 1, r"label 'y' holds 1, which is none of", data(fields={"classes": [0, 2]})),
    Case("negative count", 1, r"Label 'y' holds -1, but learner\.kind poisson needs counts", count(-1.0)),
    Case("NaN scaled", 1, r"train\.parquet: column 'x' holds NaN", data(x=but(X, 5, float("nan")), fields=SCALED)),
    Case("inf scaled", 1, r"train\.parquet: column 'x' holds infinity, or",
         data(x=but(X, 5, float("inf")), fields=SCALED)),
    Case("NaN unscaled", 1, r"train\.parquet: column 'x' holds NaN; fill it", data(x=but(X, 5, float("nan")))),
    Case("NaN clustered", 1, r"train\.parquet: column 'x' holds NaN; fill it", nan_for("kmeans", clusters=2)),
    Case("NaN mixed", 1, r"train\.parquet: column 'x' holds NaN; fill", nan_for("gaussian_mixture", clusters=2)),
    Case("NaN projected", 1, r"train\.parquet: column 'x' holds NaN; fill it", nan_for("pca", components=1)),
    Case("NaN counted", 1, r"train\.parquet: column 'x' holds NaN; fill it", nan_for("naive_bayes")),
    Case("inf in trees", 1, r"train\.parquet: column 'x' holds infinity", nan_for("tree", float("inf"))),
    Case("huge", 1, r"column 'x' holds .* a number that float32 can't hold", data(x=but(X, 5, 1e300))),
    Case("strange label later", 1, r"test\.parquet: label 'y' holds 7, which is none of the classes \(0, 1\)",
         data("test", y=but(CLASSES, 5, 7), fields={"validation": 0.2})),
    Case("null later", 1, r"test\.parquet: column 'x' has 1 nulls",
         data("test", x=but(X, 5, None), fields={"validation": 0.2})),
    Case("label null later", 1, r"test\.parquet: column 'y' has 1 nulls",
         data("test", y=but(CLASSES, 5, None), fields={"validation": 0.2})),
    Case("NaN later", 1, r"test\.parquet: column 'x' holds NaN",
         data("test", x=but(X, 5, float("nan")), fields={"validation": 0.2})),
    Case("lists later", 1, r"data\.test: column 'x' holds list<.*, but in data\.train double",
         data("test", x=PAIRS, fields={"validation": 0.2})),
    Case("unknown category later", 1, r"test\.parquet: column 'x' holds 9, which is none of the values of one_hot",
         data("test", x=but(X, 5, 9.0), fields={"validation": 0.2, "prepare": [ONE_HOT | {"unknown": "error"}]})),
    Case("weights of 0", 1, r"weights of the training rows add up to 0",
         data(w=[0.0] * ROWS, fields=WEIGHTED | SCALED)),
    Case("too many classes", 1, r"'y' has more than 10000 different values.*data\.label_type: number",
         data(x=np.arange(10_001.0), y=np.arange(10_001))),
    Case("few rows", 1, r"data\.train has 40 rows, fewer than the 64 shards", job("training", shards=64)),
    Case("different columns", 2, r"data\.features: .*2\.parquet has no column 'x'; it has z, y", two_tables),
    Case("checkpoint below a file", 1, r"checkpoint\.path .*file/job can't be written", below_a_file("checkpoint")),
    Case("export below a file", 1, r"export .*file/models can't be written", below_a_file("export")),
    Case("export is a file", 1, r"export .*models can't be written", a_file_for_a_folder),
    Case("export version", 1, r"export\.version 3 exists in .*models", taken_version),
]  # fmt: skip
