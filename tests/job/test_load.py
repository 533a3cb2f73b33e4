"""The job file: what it takes, what it refuses, and in which words."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from yarnml.errors import JobFileError
from yarnml.job.learners import Custom, Mlp
from yarnml.job.load import load_job
from yarnml.job.spec import Data, Export, Job, Training, Workers, size_in_bytes

Document = dict[str, Any]


def document(**sections: Any) -> Document:
    """The least job file there is, with other sections."""
    return {
        "name": "job",
        "data": {"train": "rows.csv", "features": ["x"], "label": "y"},
        "learner": {"kind": "mlp"},
        **sections,
    }


def data(**fields: Any) -> Document:
    return document(data={**document()["data"], **fields})


KMEANS = {"kind": "kmeans", "clusters": 2}


def unlabelled(**fields: Any) -> Document:
    return document(learner=KMEANS, data={"train": "rows.csv", "features": ["x"], **fields})


def refusal(source: Document, *overrides: str) -> str:
    with pytest.raises(JobFileError) as caught:
        load_job(source, overrides)
    assert "\n" not in str(caught.value)
    return str(caught.value)


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
    ("where", "section", "valid"),
    [
        ("The job file", document(trainig={}), "name, data, learner, training, evaluation, search, workers"),
        ("data", data(lable="y"), "train, test, validation"),
        ("workers", document(workers={"coutn": 3}), "count, min, max"),
        ("learner", document(learner={"kind": "mlp", "hiden": [3]}), "kind, optimizer, clip_norm, l2, dropout"),
        (
            "training.early_stopping",
            document(training={"early_stopping": {"patients": 2}}),
            "metric, patience, min_delta, restore_best",
        ),
        ("export", document(export={"path": "models", "verison": 2}), "path, version"),
    ],
)
def test_unknown_key(where: str, section: Document, valid: str) -> None:
    """An unknown key at any depth is refused with the section it is in, the nearest valid key and all valid ones."""
    message = refusal(section)
    assert message.startswith(f"{where} has an unknown key '")
    assert "did you mean '" in message
    assert f"Valid keys: {valid}" in message


def test_unknown_key_without_a_near_one() -> None:
    """No guess is offered where none is near."""
    assert refusal(document(zzz=1)).startswith("The job file has an unknown key 'zzz'. Valid keys: name, ")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (document(workers={"count": "two"}), "workers.count must be a whole number, not str 'two'."),
        (document(workers={"count": 0}), "workers.count must be a whole number >= 1, not int 0."),
        (document(workers={"count": 2.5}), "workers.count must be a whole number, not float 2.5."),
        (document(workers={"count": True}), "workers.count must be a whole number, not bool True."),
        (document(workers={"memory": "2 gigs"}), "workers.memory must be a size such as '512 MiB', not str '2 gigs'."),
        (document(workers=3), "workers must be a mapping, not int 3."),
        (document(checkpoint={"every": "often"}), "checkpoint.every must be such as '1 epoch' or '500 steps', not"),
        (document(evaluation={"every": "9 steps"}), "evaluation.every must be such as '1 epoch' or '10 epochs', not"),
        (document(name="a/b"), "name must be letters, digits, '.', '_', '-', not str 'a/b'."),
        (document(training={"batch_size": "all"}), "training.batch_size must be 'full' or a whole number, not"),
        (document(training={"seed": -1}), "training.seed must be a whole number >= 0, not int -1."),
        (document(training={"early_stopping": {"patience": 0}}), "training.early_stopping.patience must be a whole"),
        (data(format="tsv"), "data.format must be 'auto' or 'parquet' or 'csv', not str 'tsv'."),
        (data(features="x"), "data.features must be a list, not str 'x'."),
        (
            document(learner={"kind": "linear", "solver": "newtn"}),
            "learner.solver must be 'normal' or 'newton' or 'lbfgs' or 'fista', not str 'newtn'.",
        ),
        (
            document(learner={"kind": "recurrent", "normalization": "batch"}),
            "learner.normalization must be 'none' or 'layer', not str 'batch'.",
        ),
        (data(features=[]), "data.features must be a list of length >= 1, not list []."),
        (data(features=["x", 1]), "data.features[1] must be text, not int 1."),
        (data(train=[]), "data.train must be a list of length >= 1, not list []."),
        (data(train=""), "data.train must be text of length >= 1, not str ''."),
        (data(train=3), "data.train must be text or a list, not int 3."),
        (data(validation=1.5), "data.validation must be a number < 1.0, not float 1.5."),
        (data(label=3), "data.label must be text or nothing, not int 3."),
        (document(data=None), "data must be a mapping, not nothing."),
        (document(learner="mlp"), "learner must be a mapping, not str 'mlp'."),
        (document(learner={"kind": "mlp", "hidden": [8, "x"]}), "learner.hidden[1] must be a whole number, not str"),
        (document(learner={"kind": "mlp", "optimizer": {1: 2}}), "Every key of learner.optimizer must be text."),
        (
            document(learner={"kind": "mpl"}),
            "learner.kind must be one of linear, logistic, softmax, poisson, gamma, huber",
        ),
        (
            document(learner={"kind": "pca", "components": 2, "method": "svd"}),
            "learner.method must be 'moments' or 'randomised', not str 'svd'.",
        ),
        (document(learner={"kind": "mpl"}), "did you mean 'mlp'?"),
        (document(learner={"kind": ["mlp"]}), "learner.kind must be one of"),
        (document(learner={"hidden": [8]}), "not nothing"),
        (document(export=3), "export must be text or a mapping or nothing, not int 3."),
    ],
)
def test_wrong_type(source: Document, words: str) -> None:
    """A wrong value is refused with its path, what it must be and what was found."""
    assert words in refusal(source)


@pytest.mark.parametrize("field", ["name", "data", "learner", "data.train", "data.features"])
def test_missing_field(field: str) -> None:
    """A field that must be there is named by its path."""
    source = document()
    *sections, last = field.split(".")
    del (source[sections[0]] if sections else source)[last]
    assert refusal(source) == f"The job file needs {field}, which is missing."


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (document(workers={"count": 4, "min": 5}), "workers.count must lie between workers.min (5)"),
        (document(workers={"count": 4, "max": 3}), "and workers.max (3), not 4"),
        (data(features=["x", "y"]), "data.features must not contain the label 'y'"),
        (data(features=["x", "x"]), "data.features names a column twice"),
        (data(weight="y"), "data.weight must be another column than the label 'y'"),
        (data(classes=["a", "b", "a"]), "data.classes names a class twice"),
        (data(classes=[0, 1], label_type="number"), "data.classes are for class labels"),
        (document(training={"early_stopping": {}}), "training.early_stopping needs data.validation"),
        (document(evaluation={"every": "2 epochs"}), "evaluation.every needs data.validation"),
        (
            {**data(test="t.csv"), "training": {"early_stopping": {}}, "evaluation": {"every": "4 epochs"}},
            "patience counts epochs and must be at least those of evaluation.every (4 epochs), not 3",
        ),
        (
            document(learner={"kind": "poisson", "solver": "lbfgs"}, training={"batch_size": 64}),
            "learner.solver lbfgs learns from sums over all rows, so training.batch_size must be full, not 64",
        ),
        (
            document(learner={"kind": "tree"}, training={"micro_batch_size": 8}),
            "training.micro_batch_size is for gradient descent, which learner.kind tree does not use here",
        ),
        *(
            (
                document(learner=learner, training={"gradients": "bfloat16"}),
                f"training.gradients bfloat16 is for gradient descent, which learner.kind {learner['kind']} does not",
            )
            for learner in ({"kind": "boosting"}, {"kind": "linear", "solver": "lbfgs"})
        ),
        (
            document(training={"gradients": "bfloat16", "batch_size": "full"}),
            "training.gradients bfloat16 is for steps that are batches of rows",
        ),
        (
            document(learner={"kind": "mlp", "normalization": "batch"}, training={"batch_size": "full"}),
            "training.batch_size must be a number, not full",
        ),
        (
            document(learner={"kind": "mlp", "normalization": "batch"}, training={"micro_batch_size": 3}),
            "training.micro_batch_size must be at least 4, not 3",
        ),
        (data(label=None), "learner.kind mlp needs data.label, the column to predict"),
        (document(learner=KMEANS), "learner.kind kmeans learns without a label; remove data.label 'y'"),
        (unlabelled(label_type="number"), "data.label_type speaks of a label, but there is none"),
        (unlabelled(classes=["a"]), "data.classes speaks of a label, but there is none"),
        (
            {**data(scale="standard"), "learner": {"kind": "naive_bayes", "distribution": "multinomial"}},
            "learner.distribution multinomial needs counts of 0 or more",
        ),
        (
            {**data(scale="standard"), "learner": {"kind": "tree", "categorical": ["x"]}},
            "learner.categorical needs whole numbers as they are; set data.scale: none",
        ),
        ({**unlabelled(), "training": {"batch_size": 64}}, "training.batch_size must be full, not 64"),
        ({**unlabelled(), "training": {"epochs": 3}}, "needs 4 epochs or more, but training.epochs is 3"),
    ],
)
def test_relations(source: Document, words: str) -> None:
    """Fields that contradict each other are refused, and the message names both."""
    assert words in refusal(source)


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


def test_overrides() -> None:
    """--set reaches any field, also in sections and options that the file does not have, and the last one holds."""
    given = document(learner={"kind": "mlp", "optimizer": {"kind": "sgd", "learning_rate": 0.5}})
    job = load_job(
        given,
        (
            "workers.count=1",
            "workers.count=3",
            "training.early_stopping.patience=7",
            "data.features=[a, b]",
            "data.test=t.csv",
            "data.validation=0.25",
            "learner.optimizer.learning_rate=1e-3",
            "export=",
        ),
    )
    assert job.workers.count == 3
    assert job.training.early_stopping is not None
    assert job.training.early_stopping.patience == 7
    assert job.data.features == ["a", "b"]
    assert job.data.validation == 0.25
    assert job.learner.optimizer == {"kind": "sgd", "learning_rate": 0.001}
    assert job.export is None


def test_overrides_leave_the_source_alone() -> None:
    """A mapping that is loaded with overrides stays as it was."""
    given = document(workers={"count": 1})
    load_job(given, ("workers.count=3", "data.label=z"))
    assert given == document(workers={"count": 1})


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("workers.count", "--set needs field=value, such as workers.count=3, but got 'workers.count'"),
        ("=3", "--set needs field=value"),
        ("workers..count=3", "--set needs field=value"),
        ("workers.count=[1", "--set workers.count: the value is not valid YAML"),
        ("data.train.x=1", "--set data.train.x: train holds str 'rows.csv', so nothing can be set inside it"),
        ("workers.cuont=1", "workers has an unknown key 'cuont'; did you mean 'count'?"),
        ("workers.count=many", "workers.count must be a whole number, not str 'many'"),
    ],
)
def test_bad_overrides(override: str, words: str) -> None:
    """A --set that can't be used says which one and why, in the words of the job file."""
    assert words in refusal(document(), override)


def test_paths_are_taken_from_the_job_file(tmp_path: Path) -> None:
    """Relative paths start at the job file's folder; absolute ones, URLs and ~ stay what they are."""
    path = tmp_path / "job.yaml"
    path.write_text(
        "name: job\n"
        "data: {train: [a.csv, /b.csv, 'memory://c.csv', ~/d.csv], test: parts/*.csv, features: [x], label: y}\n"
        "learner: {path: 'net.py:Net'}\n"
        "export: models\n"
    )
    job = load_job(path)
    assert job.data.train == [f"{tmp_path}/a.csv", "/b.csv", "memory://c.csv", str(Path.home() / "d.csv")]
    assert job.data.test == f"{tmp_path}/parts/*.csv"
    assert job.learner == Custom(path=f"{tmp_path}/net.py:Net")
    assert job.export_to == Export(path=f"{tmp_path}/models")
    assert job.checkpoint.path == f"{tmp_path}/yarnml-jobs/job"


def test_paths_of_a_mapping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mapping's relative paths start at the current folder."""
    monkeypatch.chdir(tmp_path)
    assert load_job(document()).data.train == f"{tmp_path}/rows.csv"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (data(train="foo://bucket/x"), "data.train: foo://bucket/x has an unknown protocol, 'foo'"),
        (data(test=["a.csv", "foo://x"]), "data.test: foo://x has an unknown protocol"),
        (document(checkpoint={"path": "foo://x"}), "checkpoint.path: foo://x has an unknown protocol"),
        (document(export="foo://x"), "export: foo://x has an unknown protocol"),
        (document(learner={"path": "foo://x.py:Net"}), "learner.path: foo://x.py:Net has an unknown protocol"),
    ],
)
def test_unknown_protocol(source: Document, words: str) -> None:
    """A URL that nothing here can reach is refused with the field it stands in."""
    assert words in refusal(source)


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
