"""An HDFS that is not there: told within the time that a user waits, by its name."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Job
from tests.servers import closed_port, quickly
from yarnml import storage


@pytest.fixture(autouse=True)
def _no_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Hadoop configuration that says nothing."""
    (tmp_path / "conf").mkdir()
    monkeypatch.setenv("HADOOP_CONF_DIR", str(tmp_path / "conf"))


@pytest.mark.parametrize("scheme", ["hdfs", "webhdfs"])
def test_nobody_listens(scheme: str) -> None:
    """A closed port and an unknown host are told at once, by their names."""
    port = closed_port()
    assert f"127.0.0.1:{port}" in quickly(lambda: storage.find(f"{scheme}://127.0.0.1:{port}/x"))
    assert "nowhere.invalid:1" in quickly(lambda: storage.read(f"{scheme}://nowhere.invalid:1/x"))


@pytest.mark.long
def test_nobody_answers(silent: str) -> None:
    """A server that accepts connections and says nothing is given up, by its name, whatever it was asked."""
    acts: list[Callable[[], object]] = [
        lambda: storage.exists(f"hdfs://{silent}/x"),
        lambda: storage.write(f"hdfs://{silent}/x", b""),
        lambda: storage.exists(f"webhdfs://{silent}/x"),
        lambda: storage.write(f"webhdfs://{silent}/x", b""),
    ]
    with ThreadPoolExecutor(len(acts)) as pool:  # each waits for as long as one call may take
        assert all(silent in text for text in pool.map(quickly, acts))


@pytest.mark.long
@pytest.mark.parametrize("field", ["data.train", "checkpoint.path", "export"])
def test_the_command_says_it(
    field: str, digits_job: Job, write_job: Callable[[Job], Path], yarnml_command: Callable[..., Any]
) -> None:
    """`yarnml run` with a field on an HDFS that is away ends with a sentence that names the field and the host."""
    away = f"127.0.0.1:{closed_port()}"
    done = yarnml_command("run", write_job(digits_job), "--set", f"{field}=hdfs://{away}/x")
    assert done.returncode == (2 if field == "data.train" else 1)
    assert "Traceback" not in done.stderr
    assert field in done.stderr
    assert away in done.stderr


def test_a_url_that_means_nothing() -> None:
    """hdfs:/// without a default filesystem, and a port that is none, are ValueErrors that say what to set."""
    with pytest.raises(ValueError, match=r"fs\.defaultFS"):
        storage.exists("hdfs:///x")
    for port in ("0", "70000", "x"):
        with pytest.raises(ValueError, match=f"port '{port}'"):
            storage.exists(f"hdfs://host:{port}/x")


def test_unknown_blocks(capfd: pytest.CaptureFixture[str]) -> None:
    """An HDFS that does not tell where its blocks are turns locality off: one warning, no error."""
    url = f"webhdfs://127.0.0.1:{closed_port()}"
    assert storage.locations([f"{url}/x", f"{url}/y"]) == {f"{url}/x": [], f"{url}/y": []}
    assert storage.block_hosts(f"{url}/z") == []
    assert capfd.readouterr().err.count("locality is off") == 1
