"""Job files that nobody would write: a dry run, or a look at real data, answers each with one sentence or does it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.jobs import documents, examples
from tests.fuzz.law import command, contents, deadline
from tests.fuzz.typos import mutated
from yarnml.errors import YarnmlError
from yarnml.job.base import public_document
from yarnml.job.load import load_job
from yarnml.job.spec import Job
from yarnml.master.preflight import preflight

ROWS = 60

FUZZ = settings(settings.get_profile("fuzz"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with data for the jobs, from which they are started; its Hadoop is named and never asked."""
    folder = tmp_path_factory.mktemp("fuzz")
    random = np.random.default_rng(0)
    columns = {"x": random.normal(size=ROWS), "y": np.arange(ROWS) % 2, "w": np.ones(ROWS)}
    table = pa.table(
        columns | {"text": [f"word {n % 5}" for n in range(ROWS)], "z": list(random.normal(size=(ROWS, 2)))}
    )
    pq.write_table(table, folder / "rows.parquet")
    pyarrow.csv.write_csv(table.drop_columns(["z"]), folder / "rows.csv")
    (folder / "own.py").write_text("class Net: pass\n")
    (folder / "conf").mkdir()
    site = (
        "<configuration><property><name>fs.defaultFS</name><value>hdfs://127.0.0.1:9</value></property></configuration>"
    )
    (folder / "conf/core-site.xml").write_text(site)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("HADOOP_CONF_DIR", str(folder / "conf"))
        yield folder


def check_dry_run(folder: Path, data: bytes) -> None:
    """A dry run of these bytes keeps the law and leaves nothing; what it prints is an application."""
    path = folder / "job.yaml"
    path.write_bytes(data)
    before = contents(folder)
    ended = command("submit", path, "--dry-run", "--set", "environment={python: python3}")
    assert contents(folder) == before
    if not ended.status:
        assert "services" in yaml.safe_load(ended.out)


@FUZZ
@given(seed=st.integers(0, 2**64), example=st.sampled_from(examples()))
def test_mutated_bytes(folder: Path, seed: int, example: bytes) -> None:
    """The examples' job files with faults in their bytes."""
    check_dry_run(folder, mutated(example, seed))


@FUZZ
@given(document=documents())
def test_documents_of_the_schema(folder: Path, document: dict[str, Any]) -> None:
    """Documents of the schema as files: written by YAML where that can, and read again."""
    try:
        text = yaml.safe_dump(document)
    except (yaml.YAMLError, TypeError):
        return
    check_dry_run(folder, text.encode(errors="surrogatepass"))


@FUZZ
@given(document=documents())
def test_documents_on_real_data(folder: Path, document: dict[str, Any]) -> None:
    """Documents as mappings, up to the moment before training: a checked job, or an error of yarnml in one sentence.

    A job that is let through travels as it is, and can be described to others.
    """
    place = {"checkpoint": {"path": str(folder / "job")}, "export": str(folder / "models")}
    before = contents(folder)
    with deadline():
        try:
            job = load_job({**document, **place})
            preflight(job)
        except YarnmlError as exc:
            sentence = str(exc)
        else:
            sentence = "none"
            assert msgspec.msgpack.decode(msgspec.msgpack.encode(job), type=Job) == job
            assert msgspec.json.encode(public_document(job))
    assert sentence
    assert "\n" not in sentence
    assert {name for name in contents(folder) - before if not name.startswith(("job", "models"))} == set()
