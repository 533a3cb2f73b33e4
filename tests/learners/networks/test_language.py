"""Language models: what they compute by another way, metrics of pieces, text that they write."""

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import safetensors.numpy

import yarnml
from tests.command_line import command_line
from tests.preparing import step
from yarnml.cli import main
from yarnml.errors import ExportError, JobFileError
from yarnml.job.load import load_job
from yarnml.job.prepare import Pieces
from yarnml.model.generation import Decoder
from yarnml.model.model import Model

pytestmark = pytest.mark.long

LENGTH = 24
LEARNER = {"kind": "transformer", "task": "generate", "context": 12, "embedding": 16, "blocks": 2, "heads": 2}


def job(docstrings: Path, folder: Path, **changes: Any) -> dict[str, Any]:
    """A small language model of documentation strings."""
    return {
        "name": "prose",
        "data": {
            "train": str(docstrings / "test"),
            "test": str(docstrings / "test"),
            "features": ["doc"],
            "limit": 150,
            "prepare": [step("pieces", "doc", length=LENGTH, vocabulary=100, min_count=5)],
        },
        "learner": LEARNER | {"dropout": 0.1, "optimizer": {"kind": "adam", "learning_rate": 1e-2}},
        "training": {"epochs": 3, "batch_size": 32, "shards": 3},
        "checkpoint": {"path": str(folder / "job")},
        "export": str(folder / "models"),
        **changes,
    }


@pytest.fixture(scope="module")
def exported(docstrings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    outcome = yarnml.run(job(docstrings, tmp_path_factory.mktemp("prose")), "inline")
    return Path(str(outcome.export))


@pytest.fixture(scope="module")
def model(exported: Path) -> Model:
    return yarnml.load_model(exported)


@pytest.fixture(scope="module")
def asked(docstrings: Path) -> list[str]:
    return [*pq.read_table(docstrings / "test")["doc"].to_pylist()[:12], "", "ßa"]


def ids_of(model: Model, texts: list[str]) -> Any:
    return model._features({"doc": texts})[0].astype(int)


def test_outputs_are_what_the_pieces_before_tell(exported: Path, model: Model, asked: list[str]) -> None:
    """Loss, hits and bytes of a text are those of reading each window piece by piece, from nothing but those before."""
    arrays = safetensors.numpy.load_file(exported / "model.safetensors")
    decoder = Decoder(arrays, 2, 2)
    learnt = model.schema.features[0].steps[-1]
    assert isinstance(learnt, Pieces)
    expected = []
    for row in ids_of(model, asked):
        pieces = row[: min(np.count_nonzero(row) + 1, LENGTH)]  # the end is one
        loss = 0.0
        hits = 0
        for place, piece in enumerate(pieces):
            if place % 12 == 0:
                decoder.restart()
            logits = decoder.read(np.array([row[place - 1] if place else 0])).astype(float)
            shares = np.exp(logits - logits.max())
            loss -= math.log(shares[piece] / shares.sum()) - (21 * math.log(2) if piece == 1 else 0)
            hits += int(np.argmax(logits)) == piece
        size = sum(1 if piece == 1 else len(learnt.values[piece - 2].encode()) for piece in pieces if piece)
        expected.append(np.array([loss, hits, size]) / len(pieces))
    np.testing.assert_allclose(model.outputs({"doc": asked}), expected, rtol=2e-4)
    assert 1 in ids_of(model, asked)


def test_metrics_are_means_over_pieces(docstrings: Path, model: Model) -> None:
    """A text counts as its pieces; perplexity and bits for each byte are of the same sums, and better than guessing."""
    texts = pq.read_table(docstrings / "test")["doc"].to_pylist()
    loss, hits, size = model.outputs({"doc": texts}).T.astype(float)
    pieces = np.minimum((ids_of(model, texts) > 0).sum(axis=1) + 1, LENGTH)
    total = pieces @ loss
    assert model.about["metrics"]["test"] == pytest.approx(
        {
            "loss": total / pieces.sum(),
            "accuracy": pieces @ hits / pieces.sum(),
            "perplexity": math.exp(total / pieces.sum()),
            "bits_per_byte": total / math.log(2) / (pieces @ size),
        },
        rel=1e-5,
    )
    assert total / pieces.sum() < math.log(80)


def test_text_hangs_on_the_seed_alone(exported: Path) -> None:
    """A seed gives its text, behind more than the context holds; at temperature 0, or of one piece, all have one."""
    first = yarnml.generate(exported, "Return the ", tokens=40, seed=1)
    assert first == yarnml.generate(exported, "Return the ", tokens=40, seed=1)
    assert first.startswith(yarnml.generate(exported, "Return the ", tokens=5, seed=1))
    assert first != yarnml.generate(exported, "Return the ", tokens=40, seed=2)
    surest = yarnml.generate(exported, "Return the " * 9, tokens=20, temperature=0.0)
    assert surest == yarnml.generate(exported, "Return the " * 9, tokens=20, top_k=1, seed=3)


def test_draws_follow_the_probabilities(exported: Path) -> None:
    """The first piece of texts of many seeds comes as often as the model says, and colder ones vary less."""
    decoder = Decoder(safetensors.numpy.load_file(exported / "model.safetensors"), 2, 2)
    logits = decoder.read(np.array([0])).astype(float)
    logits[1] = -np.inf
    shares = np.exp(logits - logits.max())
    share = shares.max() / shares.sum()
    surest = yarnml.generate(exported, tokens=1, temperature=0)
    drawn = [yarnml.generate(exported, tokens=1, seed=seed) == surest for seed in range(150)]
    assert abs(np.mean(drawn) - share) < 4 * math.sqrt(share * (1 - share) / len(drawn))


def test_the_command_writes_without_jax(exported: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """`yarnml generate` prints the prompt and what `yarnml.generate` puts behind it, and no JAX is loaded for that."""
    options = ("--prompt", "A ", "--tokens", "9", "--temperature", "0.8", "--top-k", "30", "--seed", "5")
    with command_line("generate", exported.parent, *options), pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    code = (
        "import sys, yarnml\n"
        "print('A ' + yarnml.generate(sys.argv[1], 'A ', tokens=9, temperature=0.8, top_k=30, seed=5))\n"
        "assert 'jax' not in sys.modules"
    )
    other = subprocess.run([sys.executable, "-c", code, exported], check=True, capture_output=True, text=True)
    assert capfd.readouterr().out == other.stdout


@pytest.mark.breadth
def test_the_same_bits(docstrings: Path, exported: Path, tmp_path: Path) -> None:
    """Three worker processes learn the same pieces, and train to the same bits, as one process."""
    yarnml.run(job(docstrings, tmp_path, workers={"count": 3}))
    assert (exported / "model.safetensors").read_bytes() == (tmp_path / "models/1/model.safetensors").read_bytes()
    assert yarnml.load_model(exported).schema == yarnml.load_model(tmp_path / "models").schema


def test_it_goes_on_from_its_own_model(docstrings: Path, exported: Path, model: Model, tmp_path: Path) -> None:
    """A warm start has the earlier pieces, and begins where the earlier training ended, though its texts are others."""
    more = job(docstrings, tmp_path, start_from=str(exported), training={"epochs": 1, "batch_size": 32, "shards": 3})
    more["data"] |= {"train": str(docstrings / "train"), "limit": 60}
    yarnml.run(more, "inline")
    tuned = yarnml.load_model(tmp_path / "models")
    assert tuned.schema.features == model.schema.features
    assert tuned.about["metrics"]["test"]["loss"] < model.about["metrics"]["test"]["loss"] + 0.3


PIECES = step("pieces", "doc", length=LENGTH)


@pytest.mark.parametrize(
    ("learner", "data", "words"),
    [
        (LEARNER, {"label": "package"}, "learner.task generate learns without a label; remove data.label 'package'"),
        (LEARNER, {"prepare": [step("tokens", "doc", length=24)]}, "give it {kind: pieces} in data.prepare"),
        (LEARNER, {"features": ["doc", "name"]}, "name it alone in data.features"),
        (LEARNER | {"context": 10}, {}, "learner.context 10 must divide the length of pieces in data.prepare, 24"),
        (LEARNER | {"hidden": [4]}, {}, "learner.task generate has no hidden; remove learner.hidden"),
        (LEARNER | {"horizon": 4}, {}, "horizon is for series of numbers"),
        ({"kind": "transformer", "context": 4}, {"label": "package"}, "context is for learner.task: generate; remove"),
    ],
)
def test_refused_jobs(learner: dict[str, Any], data: dict[str, Any], words: str) -> None:
    """Fields that do not go together are refused before anything starts, each with what to change."""
    section = {"train": "a.parquet", "features": ["doc"], "prepare": [PIECES], **data}
    with pytest.raises(JobFileError, match=words):
        load_job({"name": "job", "data": section, "learner": learner})


def test_refused_metrics_and_models(docstrings: Path, exported: Path, model: Model, tmp_path: Path) -> None:
    """A metric that texts do not have, and a model that can't write, are refused by their names."""
    asked = job(docstrings, tmp_path, evaluation={"metrics": ["rmse"]})
    with pytest.raises(JobFileError, match=r"judged by loss, accuracy, perplexity, bits_per_byte, not by rmse"):
        yarnml.run(asked, "inline")
    rows = job(docstrings, tmp_path, learner={"kind": "embedding_bag"}, training={"epochs": 1})
    rows["data"] |= {"label": "package"}
    yarnml.run(rows, "inline")
    with pytest.raises(ExportError, match=r"of learner\.kind embedding_bag, which can't generate"):
        yarnml.generate(tmp_path / "models")
    with pytest.raises(ExportError, match="is not explained by its columns"):
        model.explain({"doc": ["Return."]})
    with pytest.raises(ExportError, match=r"temperature must be a number .* not -1"):
        yarnml.generate(exported, temperature=-1)
